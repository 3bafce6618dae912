#include "bench/wire/tls.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "bench/wire/origin.hpp"

namespace tokenlift {

namespace {

/// The oldest error of OpenSSL's queue, which is emptied.
std::string take_error() {
  std::array<char, 256> text{};
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "";
  if (const char* const reason = ERR_reason_error_string(code)) return reason;
  ERR_error_string_n(code, text.data(), text.size());
  return text.data();
}

/// Whether the oldest of them, which stays, is that a client speaks HTTP without TLS.
bool is_plain_http() {
  const unsigned long code = ERR_peek_error();
  return ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_HTTP_REQUEST;
}

bool is_address(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
         inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

}  // namespace

struct TlsContext::State {
  explicit State(const SSL_METHOD* method) : context(SSL_CTX_new(method)) {
    if (context == nullptr) throw EndpointError("TLS: " + take_error());
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    // Buffers are there while something is in them: some 30 kB less of a stream that waits. Reading
    // ahead takes a record's head and body in one system call.
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context, 1);
  }
  ~State() { SSL_CTX_free(context); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  SSL_CTX* context;
};

struct TlsStream::State {
  State(SSL_CTX* context, int socket) : stream(SSL_new(context)) {
    if (stream == nullptr) throw std::bad_alloc();
    SSL_set_fd(stream, socket);
  }
  ~State() { SSL_free(stream); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  SSL* stream;
};

TlsContext::TlsContext(const std::string& ca_file)
    : state_(std::make_unique<State>(TLS_client_method())) {
  SSL_CTX* const context = state_->context;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_default_verify_paths(context);
  if (ca_file.empty()) return;
  if (SSL_CTX_load_verify_locations(context, ca_file.c_str(), nullptr) == 1) return;
  throw EndpointError(fmt::format("tls.ca_file '{}' holds no certificates that can be read ({})",
                                  ca_file, take_error()));
}

TlsContext::TlsContext(const TlsIdentity& identity)
    : state_(std::make_unique<State>(TLS_server_method())) {
  SSL_CTX* const context = state_->context;
  // Nobody is there to be asked for the password of a key.
  SSL_CTX_set_default_passwd_cb(context, [](char*, int, int, void*) { return -1; });
  if (SSL_CTX_use_certificate_chain_file(context, identity.certificate_file.c_str()) != 1) {
    throw EndpointError(fmt::format("'{}' holds no certificate that can be read ({})",
                                    identity.certificate_file, take_error()));
  }
  const bool has_key =
      SSL_CTX_use_PrivateKey_file(context, identity.key_file.c_str(), SSL_FILETYPE_PEM) == 1;
  if (has_key && SSL_CTX_check_private_key(context) == 1) return;
  throw EndpointError(
      fmt::format("'{}' holds no key without a password that is the one of the certificate in "
                  "'{}' ({})",
                  identity.key_file, identity.certificate_file, take_error()));
}

TlsContext::~TlsContext() = default;

TlsStream::TlsStream(const TlsContext& context, int socket)
    : state_(std::make_unique<State>(context.state_->context, socket)) {
  SSL_set_accept_state(state_->stream);
}

TlsStream::TlsStream(const TlsContext& context, int socket, const std::string& host)
    : state_(std::make_unique<State>(context.state_->context, socket)) {
  SSL* const stream = state_->stream;
  SSL_set_connect_state(stream);
  if (is_address(host)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(stream), host.c_str());
  } else {
    SSL_set_tlsext_host_name(stream, host.c_str());
    SSL_set1_host(stream, host.c_str());
  }
}

TlsStream::~TlsStream() = default;

TlsStream::Result TlsStream::judge(int result) {
  const int error = SSL_get_error(state_->stream, result);
  switch (error) {
    case SSL_ERROR_NONE:
      return Result::done;
    case SSL_ERROR_WANT_READ:
      return Result::wants_read;
    case SSL_ERROR_WANT_WRITE:
      return Result::wants_write;
    case SSL_ERROR_ZERO_RETURN:
      return Result::ended;
    default:
      break;
  }
  const int number = errno;
  const long verdict = SSL_get_verify_result(state_->stream);
  met_plain_http_ = is_plain_http();
  const std::string reason = take_error();
  if (verdict != X509_V_OK) {
    error_ =
        fmt::format("its certificate is not accepted: {}", X509_verify_cert_error_string(verdict));
  } else if (!reason.empty()) {
    error_ = reason;
  } else if (error == SSL_ERROR_SYSCALL && number != 0) {
    error_ = std::strerror(number);
  } else {
    error_ = "the connection was closed";
  }
  return Result::broken;
}

TlsStream::Result TlsStream::shake_hands() {
  ERR_clear_error();
  errno = 0;
  return judge(SSL_do_handshake(state_->stream));
}

TlsStream::Result TlsStream::read(std::span<char> into, std::size_t& count) {
  ERR_clear_error();
  errno = 0;
  return judge(SSL_read_ex(state_->stream, into.data(), into.size(), &count));
}

TlsStream::Result TlsStream::write(std::string_view bytes, std::size_t& count) {
  ERR_clear_error();
  errno = 0;
  return judge(SSL_write_ex(state_->stream, bytes.data(), bytes.size(), &count));
}

void TlsStream::end() {
  ERR_clear_error();
  SSL_shutdown(state_->stream);
}

bool TlsStream::has_more() const {
  return SSL_has_pending(state_->stream) == 1;
}

}  // namespace tokenlift
