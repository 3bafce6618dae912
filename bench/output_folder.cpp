#include "bench/output_folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

namespace tokenlift {

namespace {

std::string reason(int error) {
  return std::generic_category().message(error);
}

void make_folder(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error || !std::filesystem::is_directory(path)) {
    throw MachineError(fmt::format("cannot make the folder '{}': {}", path.string(),
                                   error ? error.message() : "something else has that name"));
  }
}

/// Writes and syncs everything, or says why not.
int write_all(const std::filesystem::path& path, std::string_view text) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file < 0) return errno;
  int error = write_to(file, text);
  // A full disk may show only here.
  if (error == 0 && fsync(file) != 0 && errno != EINVAL) error = errno;
  if (close(file) != 0 && error == 0) error = errno;
  return error;
}

}  // namespace

int write_to(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

OutputFolder::OutputFolder(std::filesystem::path path) : path_(std::move(path)) {
  make_folder(path_);
  const std::filesystem::path trial = path_ / fmt::format(".trial.{}", getpid());
  const int error = write_all(trial, "tokenlift\n");
  unlink(trial.c_str());
  if (error != 0) {
    throw MachineError(
        fmt::format("cannot write into the folder '{}': {}", path_.string(), reason(error)));
  }
}

std::filesystem::path OutputFolder::write(const std::filesystem::path& name,
                                          std::string_view text) const {
  std::filesystem::path path = path_ / name;
  make_folder(path.parent_path());
  const std::filesystem::path temporary =
      path.parent_path() / fmt::format(".{}.{}", path.filename().string(), getpid());
  int error = write_all(temporary, text);
  if (error == 0 && std::rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) {
    unlink(temporary.c_str());
    throw MachineError(fmt::format("cannot write '{}': {}", path.string(), reason(error)));
  }
  return path;
}

}  // namespace tokenlift
