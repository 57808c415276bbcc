#include "tests/integration/hostile/proxy.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

namespace watchword::testing {
namespace {

// Free a moment ago. Nobody else on this machine asks for ports at that pace.
uint16_t free_port() {
  const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  const bool bound = bind(probe, reinterpret_cast<sockaddr*>(&at), size) == 0 &&
                     getsockname(probe, reinterpret_cast<sockaddr*>(&at), &size) == 0;
  close(probe);
  return bound ? ntohs(at.sin_port) : 0;
}

bool is_nginx(ProxyKind kind) {
  return kind == ProxyKind::nginx || kind == ProxyKind::nginx_unbuffered;
}

std::string nginx_configuration(const std::string& folder, uint16_t port, const std::string& node,
                                bool buffered) {
  const std::string buffering = buffered ? "on" : "off";
  return "daemon off; worker_processes 1; pid " + folder + "/pid; error_log " + folder +
         "/errors.log;\nevents { worker_connections 512; }\nhttp {\n"
         "log_format passed '$upstream_status|$status|$request'; access_log " +
         folder + "/access.log passed;\nclient_body_temp_path " + folder +
         "/body; proxy_temp_path " + folder + "/proxy; fastcgi_temp_path " + folder +
         "/f; uwsgi_temp_path " + folder + "/u; scgi_temp_path " + folder +
         "/s;\nkeepalive_timeout 1s; client_header_timeout 1s; "
         "client_body_timeout 1s; lingering_close off;\nupstream node { server " +
         node + "; keepalive 8; }\nserver { listen 127.0.0.1:" + std::to_string(port) +
         ";\nlocation /api/v1/tokens/ { return 403; }\nlocation / { proxy_pass http://node; "
         "proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_set_header Host x; "
         "proxy_next_upstream off; proxy_read_timeout 5s; proxy_request_buffering " +
         buffering + "; } } }\n";
}

std::string haproxy_configuration(uint16_t port, const std::string& node, bool lenient) {
  return "global\n  log stdout format raw local0\n  nbthread 1\n"
         "defaults\n  mode http\n  log global\n  log-format \"%s|%ST|%HM %HP\"\n  retries 0\n"
         "  timeout connect 2s\n  timeout client 1s\n  timeout server 5s\n  timeout http-request "
         "1s\n"
         "  timeout http-keep-alive 1s\n  http-reuse always\n"
         "frontend front\n  bind 127.0.0.1:" +
         std::to_string(port) + (lenient ? "\n  option accept-invalid-http-request" : "") +
         "\n  http-request deny if { path_beg /api/v1/tokens/ }\n  default_backend back\n"
         "backend back\n  server node " +
         node + "\n";
}

}  // namespace

Proxy::Proxy(ProxyKind kind, const std::string& node_url)
    : kind_(kind), node_(node_url.substr(node_url.find("://") + 3)), port_(free_port()) {}

Proxy::~Proxy() {
  if (process_ <= 0) return;
  ::kill(process_, is_nginx(kind_) ? SIGTERM : SIGKILL);  // nginx's master ends its worker
  waitpid(process_, nullptr, 0);
}

std::string Proxy::configuration() const {
  if (is_nginx(kind_))
    return nginx_configuration(folder_.path(), port_, node_, kind_ == ProxyKind::nginx);
  return haproxy_configuration(port_, node_, kind_ == ProxyKind::haproxy_lenient);
}

bool Proxy::start() {
  const std::string file = folder_.path() + "/configuration", out = folder_.path() + "/out";
  write_whole_file(file, configuration());
  process_ = fork();
  if (process_ == 0) {
    const int to = open(out.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
    dup2(to, 1);
    dup2(to, 2);
    if (is_nginx(kind_))
      execl("/usr/sbin/nginx", "nginx", "-p", folder_.path().c_str(), "-c", file.c_str(), nullptr);
    else
      execl("/usr/sbin/haproxy", "haproxy", "-db", "-f", file.c_str(), nullptr);
    _exit(127);
  }
  return wait_until([&] {
    HttpClient client(HttpClient::options_for(url()));
    return client.connected() && client.get("/api/v1/system/health").status == 200;
  });
}

std::string Proxy::log() const {
  return read_whole_file(folder_.path() + (is_nginx(kind_) ? "/access.log" : "/out"));
}

size_t Proxy::passed_on() const {
  size_t count = 0;
  const std::string text = log();
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    const bool passed = is_nginx(kind_) ? !line.starts_with("-|") && !line.starts_with("|")
                                        : line.starts_with("node|");
    count += passed;
    at = end + 1;
  }
  return count;
}

}  // namespace watchword::testing
