// A server that answers as it is told, and a command line whose output can be read.
#pragma once
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "api/cli/cli.h"

namespace watchword::cli {

// Takes one connection after the other, keeps what was asked, answers with the next of `answers`,
// then ends.
class FakeServer {
 public:
  explicit FakeServer(std::vector<std::string> answers) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::listen(listener_, 8);
    socklen_t size = sizeof address;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, answers = std::move(answers)] {
      for (const std::string& answer : answers) serve_one(answer);
    });
  }
  ~FakeServer() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  const std::vector<std::string>& asked() const { return asked_; }

 private:
  void serve_one(const std::string& answer) {
    const int peer = ::accept(listener_, nullptr, nullptr);
    if (peer < 0) return;
    std::string request;
    char block[4096];
    while (!complete(request)) {
      const ssize_t size = ::recv(peer, block, sizeof block, 0);
      if (size <= 0) break;
      request.append(block, static_cast<size_t>(size));
    }
    asked_.push_back(request);
    (void)!::write(peer, answer.data(), answer.size());
    ::close(peer);
  }
  static bool complete(const std::string& request) {
    const size_t end = request.find("\r\n\r\n");
    if (end == request.npos) return false;
    const size_t length = request.find("Content-Length: ");
    if (length == request.npos || length > end) return true;
    return request.size() >= end + 4 + std::strtoul(request.c_str() + length + 16, nullptr, 10);
  }

  int listener_, port_ = 0;
  std::vector<std::string> asked_;
  std::thread thread_;
};

inline std::string answer(int status, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) +
         " X\r\nContent-Length: " + std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" +
         body;
}

struct Ran {
  int code = 0;
  std::string out, errors;
};

inline Ran ran(const std::vector<std::string>& arguments) {
  char *out_text = nullptr, *error_text = nullptr;
  size_t out_size = 0, error_size = 0;
  std::FILE* out = ::open_memstream(&out_text, &out_size);
  // A file, since a stream in memory has no descriptor to ask whether somebody watches.
  std::FILE* errors = std::tmpfile();
  Ran result;
  result.code = run(arguments, {out, errors});
  std::fclose(out);
  error_size = static_cast<size_t>(std::ftell(errors));
  error_text = static_cast<char*>(std::malloc(error_size + 1));
  std::rewind(errors);
  error_size = std::fread(error_text, 1, error_size, errors);
  std::fclose(errors);
  result.out.assign(out_text, out_size);
  result.errors.assign(error_text, error_size);
  std::free(out_text);
  std::free(error_text);
  return result;
}

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "watchword-cli-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string at(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace watchword::cli
