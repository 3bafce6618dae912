#pragma once
// TLS: OpenSSL on a socket that does not block. A client has the server prove who it is: by a
// certificate that is trusted, for the host that was asked for. A server asks nobody for one.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace tokenlift {

/// By what a server proves who it is: files in PEM. The first certificate is its own, those behind
/// it lead to an authority.
struct TlsIdentity {
  std::string certificate_file;
  std::string key_file;
};

/// What all streams of a client, or of a server, have in common.
class TlsContext {
 public:
  /// A client's: trusts the system's certificates, and those in `ca_file` where that is not empty.
  /// Throws EndpointError where they cannot be read.
  explicit TlsContext(const std::string& ca_file);
  /// A server's. Throws EndpointError where a file cannot be read, or the key is of another
  /// certificate.
  explicit TlsContext(const TlsIdentity& identity);
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
  /// A client's, on a connected socket, which stays the caller's. `host`: a name, or an address.
  TlsStream(const TlsContext& context, int socket, const std::string& host);
  /// A server's.
  TlsStream(const TlsContext& context, int socket);
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
  /// Says that no more is written, as far as the socket takes it.
  void end();
  /// Of a server: hands could not be shaken, since the client speaks HTTP without TLS.
  bool met_plain_http() const { return met_plain_http_; }
  /// What went wrong, in words.
  const std::string& error() const { return error_; }

 private:
  Result judge(int result);

  struct State;
  std::unique_ptr<State> state_;
  std::string error_;
  bool met_plain_http_ = false;
};

}  // namespace tokenlift
