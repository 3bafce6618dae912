#pragma once
// Where results go: made and tried before anything is measured, written whole or not at all.

#include <filesystem>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace tokenlift {

/// The machine failed us: disk full, no permission. main() turns it into exit code 4.
class MachineError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Hands out a text piece by piece, to be written as it is made.
using TextPieces = std::function<void(const std::function<void(std::string_view piece)>& take)>;

/// Writes everything into an open file; 0, or the errno of what stopped it.
int write_to(int file, std::string_view text);

/// What a path stands for once its last part is no symbolic link any more; that need not exist.
std::filesystem::path link_target(std::filesystem::path path);

class OutputFolder {
 public:
  /// Makes the folder (and its parents) and tries to write into it. Throws MachineError.
  explicit OutputFolder(std::filesystem::path path);

  /// Claims the folder for this process, until the last copy of this object is gone. False where
  /// another one has claimed it. A file system without locks lets everybody have it.
  bool claim();

  /// Writes a file under a temporary name and renames it, so that a reader sees all of it or the
  /// file that was there before. Symbolic links are followed; what is no file (a pipe, a device) is
  /// written into. `name` may hold folders. Throws MachineError; nothing is left behind then. What
  /// a process that was killed while it wrote has left there is removed.
  std::filesystem::path write(const std::filesystem::path& name, std::string_view text) const;
  std::filesystem::path write(const std::filesystem::path& name, const TextPieces& pieces) const;

  /// Nothing came of it: removes the folder if it was made for this and nothing is in it.
  void give_up() const;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  bool made_;
  std::shared_ptr<const int> claim_;  // a descriptor that has the lock
};

/// One file that the user named; written as those of a folder.
class OutputFile {
 public:
  /// Makes the file's folder and tries to write into it. Throws MachineError.
  explicit OutputFile(std::filesystem::path path);

  /// Throws MachineError.
  void write(std::string_view text) const;

 private:
  std::filesystem::path path_;
};

}  // namespace tokenlift
