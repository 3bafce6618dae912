#pragma once
// TLS of one side, the client's: OpenSSL on a socket that does not block. The other side must prove
// who it is: a certificate that is trusted, for the host that was asked for.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace tokenlift {

/// What is trusted.
class TlsContext {
 public:
  /// The system's certificates, and those in `ca_file` where that is not empty. Throws
  /// EndpointError where they cannot be read.
  explicit TlsContext(const std::string& ca_file);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

 private:
  friend class TlsStream;
  struct State;
  std::unique_ptr<State> state_;
};

class TlsStream {
 public:
  /// On a connected socket, which stays the caller's. `host`: a name, or an address.
  TlsStream(const TlsContext& context, int socket, const std::string& host);
  ~TlsStream();
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  enum class Result : std::uint8_t {
    done,
    wants_read,   ///< to be called again once the socket can be read,
    wants_write,  ///< ... or written
    ended,        ///< the other side has ended it, in order
    broken        ///< error() says how
  };
  Result shake_hands();
  /// `count`: bytes read, or written.
  Result read(std::span<char> into, std::size_t& count);
  Result write(std::string_view bytes, std::size_t& count);
  /// Bytes that were taken from the socket wait to be read.
  bool has_more() const;
  /// What went wrong, in words.
  const std::string& error() const { return error_; }

 private:
  Result judge(int result);

  struct State;
  std::unique_ptr<State> state_;
  std::string error_;
};

}  // namespace tokenlift
