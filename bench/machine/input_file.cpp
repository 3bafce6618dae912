#include "bench/machine/input_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace tokenlift {

namespace {

constexpr std::size_t kPieceBytes = std::size_t{1} << 18;

int open_to_read(const std::filesystem::path& path) {
  int file = -1;
  do {
    file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  } while (file < 0 && errno == EINTR);  // opening a pipe waits for who writes it
  return file;
}

/// Appends what comes next; 0, or the errno of what stopped it. Nothing is appended at the end.
int append_piece(int file, std::string& text) {
  const std::size_t before = text.size();
  text.resize(before + kPieceBytes);
  ssize_t bytes = 0;
  do {
    bytes = read(file, text.data() + before, kPieceBytes);
  } while (bytes < 0 && errno == EINTR);
  text.resize(before + (bytes > 0 ? static_cast<std::size_t>(bytes) : 0));
  return bytes < 0 ? errno : 0;
}

}  // namespace

FileText read_whole(const std::filesystem::path& path, const MostBytes& most_bytes) {
  FileText read;
  const int file = open_to_read(path);
  if (file < 0) {
    read.error = errno;
    return read;
  }
  while (read.error == 0) {
    const std::size_t before = read.text.size();
    read.error = append_piece(file, read.text);
    if (read.error == 0 && read.text.size() == before) break;
    if (read.error == 0 && read.text.size() > most_bytes(read.text)) read.error = EFBIG;
  }
  close(file);
  return read;
}

FileText read_whole(const std::filesystem::path& path) {
  return read_whole(path, [](std::string_view) { return SIZE_MAX; });
}

}  // namespace tokenlift
