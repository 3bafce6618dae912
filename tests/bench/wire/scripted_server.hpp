#pragma once
// A server for tests: each connection is a script on a thread of its own, which reads and writes
// bytes by hand and waits for nothing but what the test tells it. On loopback, at a free port.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace tokenlift {

/// What a script waits for.
class TestGate {
 public:
  void open() {
    {
      const std::lock_guard lock(mutex_);
      open_ = true;
    }
    opened_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    opened_.wait(lock, [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool open_ = false;
};

class ScriptedServer {
 public:
  struct Request {
    std::string head;
    std::string body;
    std::size_t connection = 0;  ///< the how many-th of the server, from 0
  };

  /// The server's end of a connection.
  class Peer {
   public:
    Peer(int socket, std::size_t number, SSL_CTX* tls) : socket_(socket), number_(number) {
      if (tls == nullptr) return;
      tls_ = SSL_new(tls);
      SSL_set_fd(tls_, socket);
    }
    ~Peer() {
      if (tls_ != nullptr) SSL_free(tls_);
      if (socket_ >= 0) ::close(socket_);
    }
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;

    std::size_t number() const { return number_; }
    bool shake_hands() { return tls_ == nullptr || SSL_accept(tls_) == 1; }

    /// The next whole request; nothing once the client has gone.
    std::optional<Request> read_request() {
      std::size_t head_end = std::string::npos;
      while ((head_end = held_.find("\r\n\r\n")) == std::string::npos) {
        if (!read_more()) return std::nullopt;
      }
      Request request{held_.substr(0, head_end + 2), "", number_};
      std::size_t length = 0;
      constexpr std::string_view kField = "\r\nContent-Length: ";
      if (const auto at = request.head.find(kField); at != std::string::npos) {
        length = std::strtoul(request.head.c_str() + at + kField.size(), nullptr, 10);
      }
      while (held_.size() < head_end + 4 + length) {
        if (!read_more()) return std::nullopt;
      }
      request.body = held_.substr(head_end + 4, length);
      held_.erase(0, head_end + 4 + length);
      return request;
    }
    void send(std::string_view bytes) {
      while (!bytes.empty()) {
        const long sent = tls_ != nullptr
                              ? SSL_write(tls_, bytes.data(), static_cast<int>(bytes.size()))
                              : ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return;  // the client has gone
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      }
    }
    /// No more is sent; what comes is still read.
    void finish() {
      if (tls_ != nullptr) SSL_shutdown(tls_);
      ::shutdown(socket_, SHUT_WR);
    }
    /// As when the server's machine says that it knows of no such connection.
    void reset() {
      const linger at_once{1, 0};
      setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
      ::close(std::exchange(socket_, -1));
    }
    void stop() {
      if (socket_ >= 0) ::shutdown(socket_, SHUT_RDWR);
    }

   private:
    bool read_more() {
      std::array<char, 65536> bytes{};
      const long count = tls_ != nullptr ? SSL_read(tls_, bytes.data(), bytes.size())
                                         : ::recv(socket_, bytes.data(), bytes.size(), 0);
      if (count > 0) held_.append(bytes.data(), static_cast<std::size_t>(count));
      return count > 0;
    }

    int socket_;
    std::size_t number_;
    SSL* tls_ = nullptr;
    std::string held_;
  };

  /// Plays one connection; it is closed when that returns.
  using Script = std::function<void(Peer&)>;

  explicit ScriptedServer(Script script, SSL_CTX* tls = nullptr)
      : script_(std::move(script)), tls_(tls) {
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to clients that have gone; so does the program
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    socklen_t length = sizeof address;
    if (listener_ < 0 || bind(listener_, any, length) != 0 || listen(listener_, 128) != 0 ||
        getsockname(listener_, any, &length) != 0) {
      std::abort();
    }
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  /// Cuts what is still open. Scripts that wait for a gate must have been let through.
  ~ScriptedServer() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    ::close(listener_);
    {
      const std::lock_guard lock(mutex_);
      for (Peer* const peer : open_) peer->stop();
    }
    for (std::thread& thread : threads_) thread.join();
  }

  std::uint16_t port() const { return port_; }
  std::string url(std::string_view host = "127.0.0.1", std::string_view path = "/v1") const {
    return std::string(tls_ != nullptr ? "https://" : "http://") + std::string(host) + ":" +
           std::to_string(port_) + std::string(path);
  }

 private:
  void accept_all() {
    for (std::size_t number = 0;; ++number) {
      const int accepted = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (accepted < 0) return;
      const int on = 1;
      setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      threads_.emplace_back([this, accepted, number] {
        Peer peer(accepted, number, tls_);
        {
          const std::lock_guard lock(mutex_);
          open_.push_back(&peer);
        }
        if (peer.shake_hands()) script_(peer);
        const std::lock_guard lock(mutex_);
        open_.remove(&peer);
      });
    }
  }

  Script script_;
  SSL_CTX* tls_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::mutex mutex_;
  std::list<Peer*> open_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

// What such servers say.

/// A response with a body of known length.
inline std::string response(std::string_view status, std::string_view body,
                            std::string_view fields = "",
                            std::string_view type = "application/json") {
  std::string text = "HTTP/1.1 " + std::string(status) + "\r\n" + std::string(fields);
  if (!type.empty()) text += "Content-Type: " + std::string(type) + "\r\n";
  return text + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

inline constexpr std::string_view kStreamHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

inline std::string chunk(std::string_view data) {
  std::array<char, 20> size{};
  std::snprintf(size.data(), size.size(), "%zx\r\n", data.size());
  return size.data() + std::string(data) + "\r\n";
}

/// One event of OpenAI's chat, as a chunk.
inline std::string text_chunk(std::string_view text) {
  return chunk(
      "data: {\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{"
      "\"content\":\"" +
      std::string(text) + "\"},\"finish_reason\":null}]}\n\n");
}
inline std::string usage_chunk(int prompt_tokens, int output_tokens) {
  return chunk(
      "data: {\"object\":\"chat.completion.chunk\",\"choices\":[],\"usage\":{"
      "\"prompt_tokens\":" +
      std::to_string(prompt_tokens) + ",\"completion_tokens\":" + std::to_string(output_tokens) +
      "}}\n\n");
}
inline std::string done_chunk() {
  return chunk("data: [DONE]\n\n");
}

/// A whole answer of `tokens` chunks, with usage.
inline std::string whole_stream(int tokens, int prompt_tokens = 8) {
  std::string text(kStreamHead);
  for (int i = 0; i < tokens; ++i) text += text_chunk(" word");
  return text + usage_chunk(prompt_tokens, tokens) + done_chunk() + std::string(kLastChunk);
}

}  // namespace tokenlift
