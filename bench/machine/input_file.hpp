#pragma once
// Files that are read whole: all of what is in them, or why not.

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace tokenlift {

/// What could be read of a file. A text without an error is all of it.
struct FileText {
  std::string text;
  int error = 0;  ///< the errno of what stopped it; EFBIG: the file has more than it may
};

/// A file, a pipe or a device that is read piece by piece.
class InputFile {
 public:
  explicit InputFile(const std::filesystem::path& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  /// Appends what comes next, `bytes` at most; nothing at the end, and where error() is not 0.
  void append_to(std::string& text, std::size_t bytes);

  int error() const { return error_; }  ///< the errno of what stopped it

 private:
  int file_;
  int error_ = 0;
};

/// Says how many bytes a file may have, asked with what has been read of it so far.
using MostBytes = std::function<std::size_t(std::string_view begin)>;

/// Reads a file, a pipe or a device to its end, or until it has more bytes than it may.
FileText read_whole(const std::filesystem::path& path, const MostBytes& most_bytes);

/// A file of any size.
FileText read_whole(const std::filesystem::path& path);

}  // namespace tokenlift
