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

}  // namespace

InputFile::InputFile(const std::filesystem::path& path) : file_(open_to_read(path)) {
  if (file_ < 0) error_ = errno;
}

InputFile::~InputFile() {
  if (file_ >= 0) close(file_);
}

void InputFile::append_to(std::string& text, std::size_t bytes) {
  if (error_ != 0) return;
  const std::size_t before = text.size();
  text.resize(before + bytes);
  ssize_t count = 0;
  do {
    count = read(file_, text.data() + before, bytes);
  } while (count < 0 && errno == EINTR);
  if (count < 0) error_ = errno;
  text.resize(before + (count > 0 ? static_cast<std::size_t>(count) : 0));
}

FileText read_whole(const std::filesystem::path& path, const MostBytes& most_bytes) {
  FileText whole;
  InputFile file(path);
  for (;;) {
    const std::size_t before = whole.text.size();
    file.append_to(whole.text, kPieceBytes);
    whole.error = file.error();
    if (whole.error != 0 || whole.text.size() == before) return whole;
    if (whole.text.size() > most_bytes(whole.text)) {
      whole.error = EFBIG;
      return whole;
    }
  }
}

FileText read_whole(const std::filesystem::path& path) {
  return read_whole(path, [](std::string_view) { return SIZE_MAX; });
}

}  // namespace tokenlift
