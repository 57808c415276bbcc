#include "tests/simulation/world.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <cstdio>
#include <filesystem>
#include <stdexcept>

#include "api/cli/bootstrap.h"
#include "stores/keys/file.h"
#include "tests/simulation/violation.h"

namespace watchword::simulation {
namespace {

constexpr uint64_t kSegmentBytes = 512u << 10;
constexpr size_t kStoryLines = 60;

World* current = nullptr;

uint64_t fnv(uint64_t hash, std::string_view bytes) {
  for (const char byte : bytes) hash = (hash ^ static_cast<uint8_t>(byte)) * 0x100000001b3;
  return hash;
}

// RocksDB's tables name the moment and the process that wrote them: their checksums are others in each run.
std::string without_checksums(std::string text) {
  for (const std::string_view mark : {"stored = ", "computed = "}) {
    const size_t at = text.find(mark);
    if (at == text.npos) continue;
    const size_t digits = at + mark.size();
    text.erase(digits, text.find_first_not_of("0123456789", digits) - digits);
  }
  return text;
}

}  // namespace

// One life of the node. The engine goes first: its last work may still look at the rest.
struct World::Life {
  api::Metrics metrics;
  std::unique_ptr<api::Api> api;
  http::Handler handler;
  std::unique_ptr<runtime::Engine> engine;
};

struct World::Exchange {
  Request request;
  std::string block;
  http::Request http;
  http::Response response;
  std::function<void(const Reply&)> done;
  bool finished = false;
};

World::World(WorldSettings settings)
    : settings_(std::move(settings)),
      chance_(settings_.seed),
      entropy_(chance_.draw()),
      disk_(std::make_unique<journal::FaultDisk>()),
      faults_on_(settings_.faults) {
  current = this;
  crash_hook = &World::hook;
  draw_openssl_from(entropy_);
  std::filesystem::remove_all(settings_.directory);
  std::filesystem::create_directories(settings_.directory);
  plan();
  open();
}

World::~World() {
  crash_hook = nullptr;
  current = nullptr;
  end_life();
  std::filesystem::remove_all(settings_.directory);
}

// What kind of node this seed has.
void World::plan() {
  shared_log_ = chance_.one_in(4);
  partitions_ = chance_.one_in(3) ? 2 : 1;
  cores_ = chance_.one_in(2) ? 1 : partitions_;
  memory_bytes_ = chance_.one_in(3) ? size_t{1} << 20 : size_t{64} << 20;
  limits_.frames_in_flight = 1 + chance_.below(4);
  limits_.checkpoint_every_us = chance_.of<int64_t>({50'000, 400'000, 5'000'000});
  limits_.slice_rows = chance_.of<size_t>({1, 7, 64});
  limits_.pace_us = chance_.of<int64_t>({200, 2'000});
  if (chance_.one_in(8)) limits_.commands_waiting = 3;
  monitored_ = chance_.one_in(2);
}

void World::note(std::string_view what) {
  trace_ = fnv(trace_, what);
  if (settings_.verbose)
    std::printf("%8.3f s  %.*s\n", static_cast<double>(clock_.boot_us) / 1e6,
                static_cast<int>(what.size()), what.data());
  story_.push_back(std::to_string(clock_.boot_us) + " us  " + std::string(what.substr(0, 400)));
  if (story_.size() > kStoryLines) story_.erase(story_.begin());
}

runtime::EngineOptions World::options() {
  runtime::EngineOptions options;
  options.directory = settings_.directory + "/node";
  options.partitions = tally_.restarts > 0 ? 0 : partitions_;
  options.cores = cores_;
  options.create = true;
  options.memory_bytes = memory_bytes_;
  options.limits = limits_;
  options.judging.monitoring_enabled = monitored_;
  options.warn = [this](const std::string& text) {
    warnings_.push_back(text);
    note("warning: " + without_checksums(text));
  };
  options.fatal = [this](const std::string& text) {
    note("the process ends: " + text);
    take_image(Fault::write_error);
  };
  options.machine.open_journal = [this](journal::SegmentOptions segments) {
    return open_journal(std::move(segments));
  };
  options.machine.make_loop = [this](boost::asio::io_context& core) {
    return std::make_unique<SimulatedLoop>(core, timers_, clock_);
  };
  options.machine.make_workers = [this] { return std::make_unique<SimulatedWorkers>(jobs_); };
  options.machine.rows_env = &rows_env_;
  options.machine.turn = [this] {
    clock_.pass(5);
    if (!work()) pass_time();
  };
  return options;
}

Result<std::unique_ptr<journal::Journal>> World::open_journal(journal::SegmentOptions segments) {
  if (!shared_log_) {
    segments.segment_bytes = kSegmentBytes;
    segments.reserve_bytes = kSegmentBytes;
    segments.zero_fill = false;
    segments.disk = disk_.get();
    segments.stepper = &steps_;
    return journal::open_segments(std::move(segments));
  }
  auto& log = logs_[segments.partition];
  if (!log) log = journal::make_memory_log(segments.partition);
  auto queue = std::make_unique<Queue>();
  auto* waiting = &queue->waiting;
  steps_.add(queue.get(), [waiting] {
    if (waiting->empty()) return false;
    auto job = std::move(waiting->front());
    waiting->pop_front();
    job();
    return true;
  });
  auto journal = journal::open_memory(
      log, {[waiting](std::function<void()> job) { waiting->push_back(std::move(job)); }});
  queue->journal = journal.get();
  queues_.push_back(std::move(queue));
  return std::unique_ptr<journal::Journal>(std::move(journal));
}

// As the program does it: until it stands. What hinders it (a full disk, a damaged store) ends some time.
void World::open() {
  for (int tries = 0;; ++tries) {
    if (tries > 50) throw Violation("liveness", "the node does not come up again");
    arm();
    auto opened = try_open();
    if (opened && !down_) break;
    if (!opened) {
      note("it does not start: " + std::string(opened.error().reason) + " " + opened.error().detail);
      if (opened.error().detail.empty() && opened.error().reason.empty())
        throw Violation("says_why", "a start failed without a reason");
      full_until_us_ = 0;
      heal_torn_sector(opened.error());
      if (spoiled_) std::filesystem::remove_all(settings_.directory + "/node/p0/rows");
      if (!spoiled_ && !down_ && tries > 5)
        throw Violation("liveness", "the node does not start: " + opened.error().detail);
    }
    if (down_)
      go_down();
    else
      end_life();
    ++tally_.restarts;
  }
  spoiled_ = false;
  untorn_ = {};
  if (on_restart) on_restart();
}

// A disk writes a sector whole or not at all. One that does not may be refused, by name; then it is as if it had not been.
void World::heal_torn_sector(const Error& refusal) {
  if (untorn_.first.empty() || refusal.detail.find(".segment at byte") == std::string::npos) return;
  disk_->change(untorn_.first, [this](std::string& content) { content = untorn_.second; });
  untorn_ = {};
}

Result<> World::try_open() {
  timers_.clear();
  life_ = std::make_unique<Life>();
  disk_->set([this](journal::FaultDisk::Faults& faults) {
    if (full_until_us_ > clock_.boot_us) faults.capacity_bytes = 0;
  });
  auto engine = runtime::Engine::open(options(), clock_, entropy_);
  rows_env_.rest();
  if (!engine) return engine.error();
  life_->engine = std::move(*engine);
  engine_ = life_->engine.get();
  const auto none = cli::has_no_service_token(*engine_);
  if (!none) return none.error();
  api::ApiSettings settings;
  settings.issuer = "https://watchword.test";
  settings.failure_rate = {1'000'000, 1'000'000};
  settings.principal_rate = {1'000'000, 1'000'000};
  settings.token_cache_entries = 256;
  life_->api = std::make_unique<api::Api>(*engine_, std::move(settings), life_->metrics);
  life_->handler = api::make_handler(*life_->api);
  engine_->start();
  if (auto ready = cli::ensure_signing_key(*engine_); !ready) return ready;
  if (!*none) return {};
  const std::string file = settings_.directory + "/admin.token";
  auto minted = cli::mint_admin(*engine_, file, 3'650);
  if (!minted) return minted.error();
  admin_identity_ = minted->identity_id.text();
  admin_token_id_ = minted->token_id.text();
  const auto text = keys::read_private_file(file, 4'096);
  if (!text) return text.error();
  admin_token_ = text->substr(0, text->find('\n'));
  return {};
}

void World::send(Request request, std::function<void(const Reply&)> done) {
  ++tally_.requests;
  auto exchange = std::make_shared<Exchange>();
  exchange->done = std::move(done);
  request.number = ++numbers_;
  std::string& block = exchange->block;
  block = request.verb + " " + request.path + (request.query.empty() ? "" : "?" + request.query) +
          " HTTP/1.1\r\nHost: watchword.test\r\nCF-Ray: " + std::to_string(request.number) + "\r\n";
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) block.append(name).append(": ").append(value).append("\r\n");
  };
  if (!request.caller.empty()) add("Authorization", "Bearer " + request.caller);
  add("Idempotency-Key", request.idempotency_key);
  add("Watchword-Position", request.position);
  for (const auto& [name, value] : request.headers) add(name, value);
  if (!request.body.empty()) {
    add("Content-Type", request.content_type);
    add("Content-Length", std::to_string(request.body.size()));
  }
  block += "\r\n";
  note("#" + std::to_string(request.number) + " " + request.verb + " " + request.path + " " +
       request.body.substr(0, 200));
  exchange->request = std::move(request);
  exchanges_.push_back(exchange);
  const auto verdict = http::inspect(block, http::GateLimits{}, exchange->http.fill_head());
  auto& core = engine_->context(static_cast<uint32_t>(chance_.below(engine_->cores())));
  if (!verdict.accepted()) {
    exchange->response.status = verdict.status;
    return boost::asio::post(core, [this, exchange] { answer(exchange); });
  }
  exchange->http.fill(exchange->request.body, *Address::parse(exchange->request.peer), false);
  boost::asio::co_spawn(
      core,
      [this, exchange, &handler = life_->handler]() -> boost::asio::awaitable<void> {
        co_await handler(exchange->http, exchange->response);
        while (exchange->response.streaming()) {
          std::string chunk;
          const bool more = co_await exchange->response.producer()(chunk);
          exchange->response.body += chunk;
          if (!more) break;
        }
        answer(exchange);
      },
      [this](std::exception_ptr failed) {
        if (failed) note("a handler threw");
        if (failed) std::rethrow_exception(failed);
      });
}

void World::answer(const std::shared_ptr<Exchange>& exchange) {
  if (down_ || std::exchange(exchange->finished, true)) return;
  std::erase(exchanges_, exchange);
  Reply reply;
  reply.status = exchange->response.status;
  ++tally_.statuses[exchange->response.status % tally_.statuses.size()];
  reply.body = exchange->response.body;
  const std::string headers(exchange->response.headers());
  for (size_t at = 0; at < headers.size();) {
    const size_t end = headers.find("\r\n", at), colon = headers.find(": ", at);
    reply.headers.emplace_back(headers.substr(at, colon - at), headers.substr(colon + 2, end - colon - 2));
    at = end + 2;
  }
  const bool tells_of_the_machine = exchange->request.path == "/api/v1/system/status";  // uptime, the real disk
  note("#" + std::to_string(exchange->request.number) + " -> " + std::to_string(reply.status) + " " +
       reply.header("Watchword-Position") + " " + (tells_of_the_machine ? "" : reply.body));
  exchange->done(reply);
}

// One thing of all that could happen next.
bool World::work() {
  const uint64_t first = chance_.below(6);
  for (uint64_t i = 0; i < 6; ++i) {
    switch ((first + i) % 6) {
      case 0:
        if (stalled_ || (clock_.boot_us < slow_disk_until_us_ && !chance_.one_in(40))) continue;
        if (steps_.run_one(chance_)) return true;
        continue;
      case 1:
        if (clock_.boot_us < slow_workers_until_us_ && !chance_.one_in(40)) continue;
        if (!jobs_.run_one()) continue;
        rows_env_.rest();
        return true;
      case 2:
        if (timers_.fire(clock_.boot_us)) return true;
        continue;
      default:
        if (life_ && life_->engine) {
          const auto cores = life_->engine->cores();
          const auto core = static_cast<uint32_t>(chance_.below(cores));
          for (uint32_t j = 0; j < cores; ++j)
            if (life_->engine->poll_one((core + j) % cores)) return true;
        }
    }
  }
  return false;
}

void World::pass_time() {
  const int64_t next_us = timers_.next_us();
  const int64_t most_us = clock_.boot_us + chance_.between(100, 20'000);
  clock_.pass(std::max<int64_t>(1, std::min(next_us, most_us) - clock_.boot_us));
  (void)timers_.fire(clock_.boot_us);
}

void World::step() {
  ++tally_.steps;
  clock_.pass(static_cast<int64_t>(chance_.below(20)));
  if (faults_on_ && !down_ && chance_.one_in(300)) something_goes_wrong();
  if (!down_ && clock_.boot_us >= kill_at_us_) crash(Fault::kill);
  if (clock_.boot_us > clock_until_us_) clock_.ahead_ms = 0;
  jobs_.busy = clock_.boot_us < busy_until_us_;
  if (full_until_us_ != 0 && clock_.boot_us >= full_until_us_) {
    full_until_us_ = 0;
    disk_->set([](journal::FaultDisk::Faults& faults) { faults.capacity_bytes = UINT64_MAX; });
  }
  if (!down_ && !work()) pass_time();
  if (!down_) return;
  go_down();
  open();
}

void World::end_life() {
  for (auto& queue : queues_) steps_.remove(queue.get());
  timers_.clear();
  engine_ = nullptr;
  life_.reset();
  timers_.clear();
  queues_.clear();
  jobs_.waiting.clear();
}

void World::go_down() {
  for (auto& exchange : std::exchange(exchanges_, {})) {
    exchange->finished = true;
    ++tally_.lost;
    Reply reply;
    reply.lost = true;
    exchange->done(reply);
  }
  end_life();
  disk_ = std::move(image_);
  std::filesystem::remove_all(settings_.directory + "/node");
  std::filesystem::rename(settings_.directory + "/image", settings_.directory + "/node");
  down_ = false;
  ++tally_.restarts;
  clock_.pass(chance_.between(1'000, 300'000));  // no process is gone and back within the same millisecond
  spoil_while_down();
}

bool World::quiet() const {
  if (down_ || draining_ || !exchanges_.empty() || !jobs_.waiting.empty()) return false;
  for (uint32_t number = 0; number < engine_->partitions(); ++number) {
    const auto& partition = engine_->partition(number);
    if (!partition.task || partition.task->last_appended() != partition.task->position().seq) return false;
    if (partition.task->waiting_commands() != 0 || partition.task->waiting_observation_bytes() != 0) return false;
  }
  return true;
}

}  // namespace watchword::simulation
