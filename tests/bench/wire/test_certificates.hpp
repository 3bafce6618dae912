#pragma once
// An authority and a server's certificate, made when a test needs them.

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

namespace tokenlift {

class TestAuthority {
 public:
  TestAuthority() : key_(make_key()), certificate_(X509_new()) {
    fill_in(certificate_, "tokenlift test authority", key_);
    X509_set_issuer_name(certificate_, X509_get_subject_name(certificate_));
    extend(certificate_, NID_basic_constraints, "critical,CA:TRUE");
    X509_sign(certificate_, key_, EVP_sha256());
  }
  ~TestAuthority() {
    X509_free(certificate_);
    EVP_PKEY_free(key_);
  }
  TestAuthority(const TestAuthority&) = delete;
  TestAuthority& operator=(const TestAuthority&) = delete;

  void write(const std::string& path) const {
    std::FILE* const file = std::fopen(path.c_str(), "w");
    if (file == nullptr || PEM_write_X509(file, certificate_) != 1) std::abort();
    std::fclose(file);
  }

  /// Of a server that is called so: "DNS:localhost,IP:127.0.0.1".
  void write_identity(const std::string& names, const std::string& certificate_path,
                      const std::string& key_path) const {
    EVP_PKEY* const key = make_key();
    X509* const certificate = certify(names, key);
    std::FILE* file = std::fopen(certificate_path.c_str(), "w");
    if (file == nullptr || PEM_write_X509(file, certificate) != 1) std::abort();
    std::fclose(file);
    file = std::fopen(key_path.c_str(), "w");
    if (file == nullptr ||
        PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
      std::abort();
    }
    std::fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
  }

  /// For such a server. The caller frees it.
  SSL_CTX* server_for(const std::string& names) const {
    EVP_PKEY* const key = make_key();
    X509* const certificate = certify(names, key);
    SSL_CTX* const context = SSL_CTX_new(TLS_server_method());
    if (SSL_CTX_use_certificate(context, certificate) != 1 ||
        SSL_CTX_use_PrivateKey(context, key) != 1) {
      std::abort();
    }
    X509_free(certificate);
    EVP_PKEY_free(key);
    return context;
  }

 private:
  static EVP_PKEY* make_key() { return EVP_EC_gen("P-256"); }

  X509* certify(const std::string& names, EVP_PKEY* key) const {
    X509* const certificate = X509_new();
    fill_in(certificate, "tokenlift test server", key);
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate_));
    extend(certificate, NID_subject_alt_name, names.c_str());
    X509_sign(certificate, key_, EVP_sha256());
    return certificate;
  }

  static void fill_in(X509* certificate, const char* name, EVP_PKEY* key) {
    static long serial = 1;
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 24L * 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
    X509_set_pubkey(certificate, key);
  }
  static void extend(X509* certificate, int kind, const char* value) {
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value);
    if (extension == nullptr) std::abort();
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }

  EVP_PKEY* key_;
  X509* certificate_;
};

}  // namespace tokenlift
