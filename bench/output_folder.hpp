#pragma once
// Where results go: made and tried before anything is measured, written whole or not at all.

#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>

namespace tokenlift {

/// The machine failed us: disk full, no permission. main() turns it into exit code 4.
class MachineError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Writes everything into an open file; 0, or the errno of what stopped it.
int write_to(int file, std::string_view text);

class OutputFolder {
 public:
  /// Makes the folder (and its parents) and tries to write into it. Throws MachineError.
  explicit OutputFolder(std::filesystem::path path);

  /// Writes a file under a temporary name and renames it, so that a reader sees all of it or the
  /// file that was there before. `name` may hold folders. Throws MachineError; nothing is left
  /// behind then.
  std::filesystem::path write(const std::filesystem::path& name, std::string_view text) const;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace tokenlift
