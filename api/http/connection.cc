#include "api/http/connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "api/http/problem.h"

namespace watchword::http {
namespace {

namespace asio = boost::asio;
using Socket = asio::ip::tcp::socket;

constexpr size_t kBatchBytesMax = 64 * 1024;
constexpr size_t kChunkedReadBytes = 16 * 1024;
constexpr size_t kLingerBytesMax = 4 * 1024 * 1024;  // who sends on for longer does not read the answer
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

Connection::Connection(std::shared_ptr<ServerState> server, Core& core, Socket socket,
                       Address remote)
    : server_(std::move(server)),
      core_(core),
      socket_(std::move(socket)),
      channel_(socket_.native_handle(), server_->tls_context()),
      remote_(remote),
      watch_(core.watched.size()),
      phase_at_ms_(core.now_ms) {
  core_.watched.push_back({kNoDeadline, this});
  if (core_.stopping) stop();
}

Connection::~Connection() {
  if (work_) core_.give_back(std::move(work_));
  core_.watched[watch_] = core_.watched.back();
  core_.watched[watch_].connection->watch_ = watch_;
  core_.watched.pop_back();
}

asio::awaitable<void> Connection::run() {
  while (true) {
    const Need need = next();
    switch (need) {
      case Need::read:
      case Need::write: {
        boost::system::error_code error;
        wait_for(need);
        co_await socket_.async_wait(need == Need::read ? Socket::wait_read : Socket::wait_write,
                                    asio::redirect_error(asio::use_awaitable, error));
        resumed(static_cast<bool>(error));
        break;
      }
      case Need::handle: co_await handle(); break;
      case Need::close: co_return;
    }
  }
}

Connection::Need Connection::next() {
  while (stage_ != Stage::closed) {
    if (stage_ == Stage::handshake) {
      if (const auto need = finish_handshake()) return *need;
      continue;
    }
    const bool room =
        batch_ < server_->options.pipeline_max && (!work_ || work_->output.size() < kBatchBytesMax);
    if (!closing_ && room && advance()) return Need::handle;
    if (work_ && !work_->output.empty()) {
      if (const auto need = flush()) return *need;
      continue;
    }
    if (const auto need = closing_ ? linger() : receive()) return *need;
  }
  return Need::close;
}

std::optional<Connection::Need> Connection::finish_handshake() {
  switch (channel_.handshake().state) {
    case Transfer::State::done: enter(Stage::head); return {};
    case Transfer::State::wants_read: return Need::read;
    case Transfer::State::wants_write: return Need::write;
    case Transfer::State::closed: break;
  }
  enter(Stage::closed);
  return {};
}

std::optional<Connection::Need> Connection::flush() {
  Workspace& work = *work_;
  while (work.output_sent < work.output.size()) {
    const Transfer sent = channel_.send(std::string_view(work.output).substr(work.output_sent));
    if (sent.state == Transfer::State::wants_write) return Need::write;
    if (sent.state == Transfer::State::wants_read) return Need::read;
    if (sent.state == Transfer::State::closed) {
      enter(Stage::closed);
      return {};
    }
    work.output_sent += sent.bytes;
    moved_bytes_ += sent.bytes;
  }
  clear_secret(work.output);
  work.output_sent = 0;
  batch_ = 0;
  if (writing_) begin_phase();
  writing_ = false;
  return {};
}

std::optional<Connection::Need> Connection::receive() {
  if (!readable_ || stopped_) {
    release_if_idle();
    if (stopped_ && !work_) {
      enter(Stage::closed);
      return {};
    }
    if (!readable_) return Need::read;
  }
  if (!work_) work_ = core_.take_workspace();
  const bool was_empty = work_->input.empty();
  const auto room = work_->input.room(wanted_bytes());
  const Transfer got = channel_.receive(room.at, room.size);
  if (got.state == Transfer::State::closed) enter(Stage::closed);
  if (got.state == Transfer::State::wants_write) return Need::write;
  if (got.state == Transfer::State::wants_read) {
    readable_ = false;
    return {};
  }
  if (was_empty && stage_ == Stage::head)
    enter(Stage::head);  // the header's time begins with its first byte
  work_->input.received(got.bytes);
  moved_bytes_ += got.bytes;
  // A short read emptied the socket; asking again would only cost a call. Not so with TLS, which
  // reads record by record.
  readable_ = got.bytes == room.size || channel_.secure();
  return {};
}

// Without this a close with unread bytes becomes a reset, and the peer loses the answer that tells
// it why.
std::optional<Connection::Need> Connection::linger() {
  if (stage_ != Stage::lingering) {
    channel_.finish_sending();
    enter(Stage::lingering);
    readable_ = true;
  }
  char discarded[4096];
  const ssize_t got = ::recv(socket_.native_handle(), discarded, sizeof discarded, MSG_DONTWAIT);
  if (got > 0) moved_bytes_ += static_cast<size_t>(got);
  if (got > 0 && moved_bytes_ <= kLingerBytesMax) return {};
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return Need::read;
  enter(Stage::closed);
  return {};
}

bool Connection::advance() {
  if (!work_) return false;
  switch (stage_) {
    case Stage::head: return take_head();
    case Stage::body: return take_body();
    case Stage::chunks: return take_chunks();
    case Stage::handshake:
    case Stage::answering:
    case Stage::lingering:
    case Stage::closed: break;
  }
  return false;
}

bool Connection::take_head() {
  const std::string_view data = work_->input.data();
  if (data.empty()) return false;
  const size_t size = block_length(data);
  const GateLimits& limits = server_->options.gate;
  if (size == 0) {
    if (const auto verdict = inspect_partial(data, limits); !verdict.accepted()) refuse(verdict);
    return false;
  }
  Head& head = work_->request.fill_head();
  if (const auto verdict = inspect(data.substr(0, size), limits, head); !verdict.accepted()) {
    refuse(verdict);
    return false;
  }
  used_ = size;
  if (head.body == Head::Body::none) {
    begin_answer({}, size);
    return true;
  }
  const auto& options = server_->options;
  return admit_body(options.body_limit ? options.body_limit(head.path) : options.body_bytes_max);
}

bool Connection::admit_body(uint64_t limit) {
  const Head& head = work_->request.head();
  if (head.body == Head::Body::length && head.content_length > limit) {
    refuse({413, "http.body.too_large"});
    return false;
  }
  const bool chunked = head.body == Head::Body::chunked;
  const bool asks = head.expects_continue && work_->input.data().size() == used_;
  if (chunked) {
    work_->decoder = ChunkedDecoder(limit);
    clear_secret(work_->decoded_body);
  } else {
    body_bytes_ = static_cast<size_t>(head.content_length);
  }
  enter(chunked ? Stage::chunks : Stage::body);
  if (asks) send_continue();
  return advance();
}

// RFC 9110 10.1.1: only when no byte of the body is here yet.
void Connection::send_continue() { work_->output.append(kContinue); }

bool Connection::take_body() {
  const std::string_view data = work_->input.data();
  if (data.size() - used_ < body_bytes_) return false;
  reread_head();
  begin_answer(data.substr(used_, body_bytes_), used_ + body_bytes_);
  return true;
}

// The buffer may have moved while the body came; the same bytes give the same head.
void Connection::reread_head() {
  const std::string_view data = work_->input.data();
  Head& head = work_->request.fill_head();
  if (head.block.data() == data.data()) return;
  WATCHWORD_CHECK(inspect(data.substr(0, used_), server_->options.gate, head).accepted());
}

bool Connection::take_chunks() {
  const std::string_view data = work_->input.data();
  std::string_view rest = data.substr(used_);
  const auto state = work_->decoder.feed(rest, work_->decoded_body);
  if (state == ChunkedDecoder::State::malformed) refuse({400, work_->decoder.reason()});
  if (state == ChunkedDecoder::State::too_large) refuse({413, "http.body.too_large"});
  if (state == ChunkedDecoder::State::more) work_->input.keep_front(used_);
  if (state != ChunkedDecoder::State::done) return false;
  reread_head();
  begin_answer(work_->decoded_body, data.size() - rest.size());
  return true;
}

void Connection::begin_answer(std::string_view body, size_t used) {
  used_ = used;
  stage_ = Stage::answering;
  work_->request.fill(body, remote_, channel_.secure());
  work_->response.reset();
}

void Connection::refuse(GateVerdict verdict) {
  core_.refused.fetch_add(1, std::memory_order_relaxed);
  Response response;
  answer_refusal(verdict.status, verdict.reason, response);
  Wire plain{false, true, false, channel_.secure(), core_.date};
  write_response(response, plain, work_->output);
  closing_ = true;
}

asio::awaitable<void> Connection::handle() {
  core_.requests.fetch_add(1, std::memory_order_relaxed);
  core_.watched[watch_].deadline_ms = kNoDeadline;
  try {
    co_await server_->handler(work_->request, work_->response);
  } catch (const std::exception& exception) {
    fail_answer(exception.what());
  }
  if (work_->response.streaming() && work_->request.verb() != Verb::head) {
    write_response(work_->response, wire(), work_->output);
    co_return co_await stream();
  }
  write_response(work_->response, wire(), work_->output);
  finish_answer();
}

void Connection::fail_answer(std::string_view what) {
  server_->trouble(what);
  work_->response.reset();
  work_->response.close_after();
  answer_error(Error{Errc::internal, "http.handler.failed", {}}, work_->request, work_->response);
}

bool Connection::keeps_alive() const {
  const bool framed = !work_->response.streaming() || work_->request.head().minor_one;
  return framed && work_->request.head().keep_alive && !work_->response.closes() && !core_.stopping;
}

Wire Connection::wire() const {
  const Head& head = work_->request.head();
  return {keeps_alive(), head.minor_one, head.verb == Verb::head, channel_.secure(), core_.date};
}

void Connection::finish_answer() {
  if (!keeps_alive()) closing_ = true;
  work_->input.consume(used_);
  used_ = 0;
  batch_ = work_->output.empty() ? 0 : batch_ + 1;
  enter(Stage::head);
}

asio::awaitable<void> Connection::stream() {
  const bool chunked = work_->request.head().minor_one;
  std::string piece;
  bool more = true;
  while (more && stage_ != Stage::closed) {
    piece.clear();
    try {
      more = co_await work_->response.producer()(piece);
    } catch (const std::exception& exception) {
      // Cut off without the last chunk: the reader must not take half an answer for a whole one.
      server_->trouble(exception.what());
      enter(Stage::closed);
      co_return;
    }
    if (core_.stopping) more = false;
    if (chunked)
      write_chunk(piece, work_->output);
    else
      work_->output.append(piece);
    if (chunked && !more) work_->output.append("0\r\n\r\n");
    if (!co_await flush_fully()) co_return;
  }
  if (stage_ != Stage::closed) finish_answer();
}

asio::awaitable<bool> Connection::flush_fully() {
  begin_phase();
  while (!work_->output.empty() && stage_ != Stage::closed) {
    const auto need = flush();
    if (!need) continue;
    boost::system::error_code error;
    wait_for(*need);
    co_await socket_.async_wait(*need == Need::read ? Socket::wait_read : Socket::wait_write,
                                asio::redirect_error(asio::use_awaitable, error));
    resumed(static_cast<bool>(error));
  }
  core_.watched[watch_].deadline_ms = kNoDeadline;
  co_return stage_ != Stage::closed;
}

void Connection::wait_for(Need need) {
  // A write's time begins when the peer first makes it wait, not with the request that it answers.
  const bool writes = work_ && !work_->output.empty();
  if (writes && !writing_) begin_phase();
  writing_ = writes;
  waiting_ = need;
  core_.watched[watch_].deadline_ms = deadline();
}

int64_t Connection::deadline() const {
  const auto& options = server_->options;
  const int64_t earned_ms = static_cast<int64_t>(moved_bytes_) * 1000 /
                            std::max<int64_t>(options.minimum_rate_bytes_per_s, 1);
  if (stage_ == Stage::handshake) return phase_at_ms_ + options.header_timeout_ms;
  if (stage_ == Stage::lingering) return phase_at_ms_ + options.linger_ms;
  if (writing_) return phase_at_ms_ + options.write_timeout_ms + earned_ms;
  if (stage_ == Stage::body || stage_ == Stage::chunks)
    return phase_at_ms_ + options.body_timeout_ms + earned_ms;
  return phase_at_ms_ +
         (work_ && !work_->input.empty() ? options.header_timeout_ms : options.idle_timeout_ms);
}

void Connection::resumed(bool failed) {
  if (waiting_ == Need::read) readable_ = true;
  waiting_ = Need::handle;
  if (expired_) {
    expired_ = false;
    const bool unanswered =
        work_ && work_->output.empty() && !work_->input.empty() && stage_ != Stage::handshake;
    const bool idle =
        stage_ == Stage::lingering || (stage_ == Stage::head && (!work_ || work_->idle()));
    if (!idle) core_.timed_out.fetch_add(1, std::memory_order_relaxed);
    if (unanswered && !closing_)
      refuse({408, "http.request.timeout"});
    else
      enter(Stage::closed);
    return;
  }
  if (failed) enter(Stage::closed);
}

void Connection::enter(Stage stage) {
  if (stage_ == Stage::closed) return;
  stage_ = stage;
  begin_phase();
}

void Connection::begin_phase() {
  phase_at_ms_ = core_.now_ms;
  moved_bytes_ = 0;
}

size_t Connection::wanted_bytes() const {
  if (stage_ == Stage::body) return used_ + body_bytes_;
  return work_->input.data().size() + (stage_ == Stage::chunks ? kChunkedReadBytes : 1);
}

void Connection::release_if_idle() {
  if (stage_ != Stage::head || !work_ || !work_->idle()) return;
  core_.give_back(std::move(work_));
}

void Connection::expire() {
  expired_ = true;
  core_.watched[watch_].deadline_ms = kNoDeadline;
  socket_.cancel();
}

void Connection::stop() {
  stopped_ = true;
  const bool idle = waiting_ == Need::read && (stage_ == Stage::handshake || !work_);
  if (!idle) return;
  enter(Stage::closed);
  socket_.cancel();
}

void Connection::cut_off() {
  enter(Stage::closed);
  boost::system::error_code ignored;
  socket_.shutdown(Socket::shutdown_both, ignored);
  socket_.cancel(ignored);
}

}  // namespace watchword::http
