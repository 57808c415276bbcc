#include "tests/integration/hostile/attacks.h"

namespace watchword::testing {
namespace {

using std::string;
using std::string_view;
using namespace std::string_literals;

class Maker {
 public:
  Maker(string_view token, string_view smuggled) : token_(token), smuggled_(smuggled) {}

  // `lines` without the last CR LF; `%` in them stands for the body's length.
  void add(string name, string lines, string body, Fate fate = Fate::refused) {
    if (const size_t mark = lines.find('%'); mark != lines.npos)
      lines.replace(mark, 1, std::to_string(body.size()));
    made_.push_back(
        {std::move(name),
         head("POST /oauth2/introspect HTTP/1.1\r\n"s, "Host: x\r\n") + lines + "\r\n\r\n" + body,
         fate});
  }
  void add_raw(string name, string bytes, Fate fate = Fate::refused) {
    made_.push_back({std::move(name), std::move(bytes), fate});
  }
  string head(string_view request_line, string_view host) const {
    return string(request_line).append(host) + "Authorization: Bearer " + token_ +
           "\r\nContent-Type: application/x-www-form-urlencoded\r\n";
  }

  string closed_by_chunk() const { return "0\r\n\r\n" + smuggled_; }
  const string& smuggled() const { return smuggled_; }
  std::vector<Attack> take() { return std::move(made_); }

 private:
  string token_, smuggled_;
  std::vector<Attack> made_;
};

void add_two_framings(Maker& make) {
  const string body = make.closed_by_chunk();
  make.add("CL then TE", "Content-Length: %\r\nTransfer-Encoding: chunked", body);
  make.add("TE then CL", "Transfer-Encoding: chunked\r\nContent-Length: 5", body);
  make.add("CL 0 and TE", "Content-Length: 0\r\nTransfer-Encoding: chunked", body);
  make.add("CL and TE of nothing known", "Content-Length: 5\r\nTransfer-Encoding: cow", body);
  make.add("CL and TE identity", "Content-Length: 5\r\nTransfer-Encoding: identity", body);
  make.add("CL and an empty TE", "Content-Length: 5\r\nTransfer-Encoding:", body);
}

void add_transfer_encodings(Maker& make) {
  const string body = make.closed_by_chunk();
  for (const string value : {"xchunked",
                             "chunkedx",
                             "chunked, chunked",
                             "chunked, identity",
                             "identity, chunked",
                             "gzip, chunked",
                             "\"chunked\"",
                             "chunked;q=1",
                             ",chunked",
                             "chunked,",
                             "chunked ,",
                             "chunked\x0b",
                             "\x0b"
                             "chunked",
                             "\x0c"
                             "chunked",
                             "chun\tked",
                             "chunked\r",
                             "\xef\xbb\xbf"
                             "chunked",
                             "\xc2\xa0"
                             "chunked",
                             "'chunked'",
                             "c hunked",
                             "identity",
                             ""})
    make.add("TE " + value, "Transfer-Encoding: " + value, body);
  make.add("TE with NUL", "Transfer-Encoding: \0chunked"s, body);
  make.add("TE with NUL behind", "Transfer-Encoding: chunked\0"s, body);
  make.add("TE twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", body);
  make.add("TE twice, one unknown", "Transfer-Encoding: x\r\nTransfer-Encoding: chunked", body);
  make.add("TE folded", "Transfer-Encoding:\r\n chunked", body);
  make.add("TE folded by a tab", "Transfer-Encoding:\r\n\tchunked", body);
  make.add("TE in a fold", "X: y\r\n Transfer-Encoding: chunked", body);
  make.add("space before the colon", "Transfer-Encoding : chunked", body);
  make.add("tab before the colon", "Transfer-Encoding\t: chunked", body);
  make.add("form feed before the name", "\x0cTransfer-Encoding: chunked", body);
  make.add("no colon", "Transfer-Encoding chunked", body);
  make.add("behind a bare LF", "X: y\nTransfer-Encoding: chunked", body);
  make.add("behind a bare CR", "X: y\rTransfer-Encoding: chunked", body);
  make.add("behind LF CR", "X: y\n\rTransfer-Encoding: chunked", body);
  make.add("name split by LF", "Transfer-\nEncoding: chunked", body);
  make.add("underscore beside CL", "Transfer_Encoding: chunked\r\nContent-Length: %", body,
           Fate::swallowed);
  make.add("hop by hop CL", "Connection: Content-Length\r\nContent-Length: %", make.smuggled(),
           Fate::swallowed);
  make.add_raw("TE under HTTP/1.0",
               make.head("POST /oauth2/introspect HTTP/1.0\r\n", "Host: x\r\n") +
                   "Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n" + body);
}

void add_lengths(Maker& make) {
  const string body = "token" + make.smuggled();
  for (const string value : {"5, 5",
                             "5,",
                             ",5",
                             "5, 6",
                             "+5",
                             "-1",
                             "-0",
                             "0x5",
                             "5 5",
                             "5e0",
                             "5.0",
                             "5;",
                             "\"5\"",
                             "",
                             "18446744073709551621",
                             "00000000000000000000005",
                             "9223372036854775808",
                             "\xef\xbc\x95",
                             "5\x0b",
                             "five",
                             "5\t5",
                             "٥"})
    make.add("CL " + value, "Content-Length: " + value, body);
  make.add("CL with NUL", "Content-Length: 5\0"s, body);
  make.add("CL twice, equal", "Content-Length: 5\r\nContent-Length: 5", body);
  make.add("CL twice, different", "Content-Length: 5\r\nContent-Length: 6", body);
  make.add("CL twice, 0 first", "Content-Length: 0\r\nContent-Length: 5", body);
  make.add("CL twice by case", "Content-Length: 5\r\ncontent-length: 5", body);
  make.add("CL folded", "Content-Length:\r\n 5", body);
  make.add("space before CL's colon", "Content-Length : 5", body);
  make.add("CL over the limit", "Content-Length: 1048577", body);
  make.add("CL of all", "Content-Length: %", body, Fate::swallowed);
  make.add("CL of all, expecting", "Content-Length: %\r\nExpect: 200-ok", body);
}

void add_lines(Maker& make) {
  const string after = "\r\n" + make.smuggled();
  const auto get = [&](const string& line, const string& host = "Host: x\r\n") {
    return make.head(line, host) + after;
  };
  string bare = make.head("GET /api/v1/auth/me HTTP/1.1\n", "Host: x\n") + "\n" + make.smuggled();
  make.add_raw("bare LF everywhere", bare);
  make.add_raw("bare CR everywhere", "GET /api/v1/auth/me HTTP/1.1\rHost: x\r\r" + after);
  make.add_raw("head ended by LF", make.head("GET /api/v1/auth/me HTTP/1.1\r\n", "Host: x\r\n") +
                                       "\n" + make.smuggled());
  make.add_raw("NUL in a value",
               get("GET /api/v1/auth/me HTTP/1.1\r\n", "Host: x\r\nX: a\0b\r\n"s));
  make.add_raw("NUL in a name", get("GET /api/v1/auth/me HTTP/1.1\r\n", "Host: x\r\nX\0: a\r\n"s));
  make.add_raw("NUL in the target", get("GET /api/v1\0/auth/me HTTP/1.1\r\n"s));
  make.add_raw("no name", get("GET /api/v1/auth/me HTTP/1.1\r\n", "Host: x\r\n: a\r\n"));
  make.add_raw("space in a name", get("GET /api/v1/auth/me HTTP/1.1\r\n", "Host: x\r\nX Y: a\r\n"));
  make.add_raw("first line folded",
               get("GET /api/v1/auth/me HTTP/1.1\r\n", " X: y\r\nHost: x\r\n"));
  make.add_raw("no host", get("GET /api/v1/auth/me HTTP/1.1\r\n", ""));
  make.add_raw("empty host", get("GET /api/v1/auth/me HTTP/1.1\r\n", "Host:\r\n"));
  make.add_raw("two hosts", get("GET /api/v1/auth/me HTTP/1.1\r\n", "Host: x\r\nHost: y\r\n"));
  make.add_raw("list of hosts", get("GET /api/v1/auth/me HTTP/1.1\r\n", "Host: x, y\r\n"));
  make.add_raw("host with a path", get("GET /api/v1/auth/me HTTP/1.1\r\n", "Host: x/y\r\n"));
  make.add_raw("host with a user", get("GET /api/v1/auth/me HTTP/1.1\r\n", "Host: a@x\r\n"));
  for (const string target :
       {"http://x/api/v1/auth/me", "x:80", "api/v1/auth/me", "/a/../api/v1/auth/me",
        "/a/%2e%2e/api/v1/auth/me", "/api/v1/auth/me#x", "/api/v1/auth\\me", "/%00", "/%", "/%zz",
        "/\x80", "*"})
    make.add_raw("target " + target, get("GET " + target + " HTTP/1.1\r\n"));
  for (const string line :
       {"GET /api/v1/auth/me\r\n", "GET /api/v1/auth/me HTTP/0.9\r\n",
        "GET /api/v1/auth/me HTTP/2.0\r\n", "GET /api/v1/auth/me HTTP/1.2\r\n",
        "GET /api/v1/auth/me http/1.1\r\n", "GET /api/v1/auth/me HTTP/1.1 \r\n",
        "GET  /api/v1/auth/me HTTP/1.1\r\n", "GET /api/v1/auth/me  HTTP/1.1\r\n",
        "GET\t/api/v1/auth/me\tHTTP/1.1\r\n", " GET /api/v1/auth/me HTTP/1.1\r\n",
        "\r\nGET /api/v1/auth/me HTTP/1.1\r\n", "GET /api/v1/auth/me HTTP/01.1\r\n",
        "GET /api/v1/auth/me HTTP/1.1.1\r\n", "GET /api/v1/auth/me HTTP/1,1\r\n",
        "CONNECT x:80 HTTP/1.1\r\n", "TRACE / HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n",
        "G(T / HTTP/1.1\r\n"})
    make.add_raw("line " + line.substr(0, line.size() - 2), get(line));
  make.add_raw("GET with a body of its own",
               make.head("GET /api/v1/auth/me HTTP/1.1\r\n", "Host: x\r\n") + "Content-Length: " +
                   std::to_string(make.smuggled().size()) + "\r\n\r\n" + make.smuggled(),
               Fate::swallowed);
}

void add_chunks(Maker& make) {
  const string end = "0\r\n\r\n" + make.smuggled();
  for (const string size : {"5;a=b", "5;", "5;\nxx", "0x5", "5 ", " 5", "5\t", "-5", "+5",
                            "10000000000000005", "fffffffffffffffff", "00000000000000000000005", "",
                            "0_5", "5\r", "5,", "5h", "\xef\xbc\x95"})
    make.add("chunk size " + size, "Transfer-Encoding: chunked", size + "\r\ntoken\r\n" + end);
  make.add("chunk size with NUL", "Transfer-Encoding: chunked", "5\0\r\ntoken\r\n"s + end);
  make.add("LF behind the size", "Transfer-Encoding: chunked", "5\ntoken\r\n" + end);
  make.add("LF behind the data", "Transfer-Encoding: chunked", "5\r\ntoken\n" + end);
  make.add("nothing behind the data", "Transfer-Encoding: chunked", "5\r\ntoken" + end);
  make.add("data longer than its size", "Transfer-Encoding: chunked", "5\r\ntoken=x\r\n" + end);
  make.add("CR CR LF behind the data", "Transfer-Encoding: chunked", "5\r\ntoken\r\r\n" + end);
  make.add("trailer", "Transfer-Encoding: chunked", "0\r\nX: y\r\n\r\n" + make.smuggled());
  make.add("trailer that frames", "Transfer-Encoding: chunked",
           "0\r\nContent-Length: 5\r\n\r\n" + make.smuggled());
  make.add("trailer announced", "Transfer-Encoding: chunked\r\nTrailer: X", end);
  make.add("last chunk ended by LF", "Transfer-Encoding: chunked", "0\r\n\n" + make.smuggled());
  make.add("last chunk with extension", "Transfer-Encoding: chunked",
           "0;x\r\n\r\n" + make.smuggled());
}

void add_plain_pairs(Maker& make) {
  const string body = make.closed_by_chunk();
  make.add("chunked", "Transfer-Encoding: chunked", "7\r\ntoken=x\r\n" + body, Fate::two);
  make.add("Chunked", "transfer-ENCODING: \t Chunked \t", "7\r\ntoken=x\r\n" + body, Fate::two);
  make.add("length", "Content-Length: 7", "token=x" + make.smuggled(), Fate::two);
  make.add("length with a zero", "Content-Length: 07", "token=x" + make.smuggled(), Fate::two);
}

}  // namespace

std::vector<Attack> attacks(std::string_view token, std::string_view smuggled) {
  Maker make(token, smuggled);
  add_two_framings(make);
  add_transfer_encodings(make);
  add_lengths(make);
  add_lines(make);
  add_chunks(make);
  add_plain_pairs(make);
  return make.take();
}

}  // namespace watchword::testing
