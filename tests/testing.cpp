#include "tests/testing.hpp"

namespace tokenlift {

// The one file of the tests that depends on where the project lies.
std::string source_folder() {
  return TOKENLIFT_SOURCE_DIR;
}

}  // namespace tokenlift
