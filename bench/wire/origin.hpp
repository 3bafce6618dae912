#pragma once
// Where connections go: an endpoint's addresses, and how it proves who it is.

#include <sys/socket.h>

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/wire/tls.hpp"
#include "bench/wire/url.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// An endpoint cannot be asked as the scenario says: a name without an address, a key that is not
/// there, a file of certificates that cannot be read, too few descriptors. Found before the run.
class EndpointError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Address {
  sockaddr_storage address{};
  socklen_t length = 0;
  std::string text() const;  ///< "127.0.0.1", "::1"
};

struct Origin {
  Url url;
  std::vector<Address> addresses;         ///< at least one, in the order of getaddrinfo
  std::size_t preferred = 0;              ///< the one that answered last
  std::shared_ptr<const TlsContext> tls;  ///< null: plain
};

/// Looks the name up, which may take a while. `ca_file`: certificates to trust beside the system's;
/// empty: none. Throws EndpointError.
Origin find_origin(const std::string& url, const std::string& ca_file);

/// For a call: the certificates to trust of a site on the same host; empty: there are none.
std::string ca_file_for(const Scenario& scenario, const std::string& url);

}  // namespace tokenlift
