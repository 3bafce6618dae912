#include "bench/machine/output_folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <string>
#include <system_error>
#include <utility>

namespace tokenlift {

namespace {

namespace fs = std::filesystem;

std::string reason(int error) {
  return std::generic_category().message(error);
}

/// Whether it was not there before.
bool make_folder(const fs::path& path) {
  std::error_code error;
  const bool made = fs::create_directories(path, error);
  if (error || !fs::is_directory(path)) {
    throw MachineError(fmt::format("cannot make the folder '{}': {}", path.string(),
                                   error ? error.message() : "something else has that name"));
  }
  return made;
}

TextPieces whole(std::string_view text) {
  return [text](const auto& take) { take(text); };
}

/// Writes the pieces up to the first that cannot be written, or says why that one cannot.
int write_pieces(int file, const TextPieces& pieces) {
  int error = 0;
  pieces([&](std::string_view piece) {
    if (error == 0) error = write_to(file, piece);
  });
  return error;
}

/// Writes and syncs everything, or says why not.
int write_all(const fs::path& path, const TextPieces& pieces, int flags) {
  const int file = open(path.c_str(), O_WRONLY | O_CLOEXEC | flags, 0666);
  if (file < 0) return errno;
  int error = 0;
  try {
    error = write_pieces(file, pieces);
  } catch (...) {
    close(file);
    throw;
  }
  // A full disk may show only here. Pipes and terminals have nothing to sync.
  if (error == 0 && fsync(file) != 0 && errno != EINVAL) error = errno;
  if (close(file) != 0 && error == 0) error = errno;
  return error;
}

int write_all(const fs::path& path, const TextPieces& pieces) {
  return write_all(path, pieces, O_CREAT | O_TRUNC);
}

/// Whether a name stands for what stdout already is: /dev/stdout, whatever it was redirected to.
bool is_stdout(const struct stat& file) {
  struct stat out {};
  return fstat(STDOUT_FILENO, &out) == 0 && file.st_dev == out.st_dev && file.st_ino == out.st_ino;
}

/// Pipes, devices, sockets and stdout take what is written to them; a file in their place would be
/// read by nobody.
bool takes_writes(const fs::path& path) {
  struct stat file {};
  return stat(path.c_str(), &file) == 0 && !S_ISDIR(file.st_mode) &&
         (!S_ISREG(file.st_mode) || is_stdout(file));
}

/// A reader that has gone is no failure, as on stdout.
int write_into(const fs::path& path, const TextPieces& pieces) {
  struct stat file {};
  const bool out = stat(path.c_str(), &file) == 0 && is_stdout(file);
  const int error = out ? write_pieces(STDOUT_FILENO, pieces) : write_all(path, pieces, 0);
  return error == EPIPE ? 0 : error;
}

/// Before the number of a process: what it writes under, until all of it is there. With the name of
/// the machine, since others may write into the same folder.
const std::string& temporary_prefix() {
  static const std::string prefix = [] {
    std::array<char, 65> host{};  // of 64 characters at most
    if (gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
    return fmt::format(".tokenlift.{}.", host.data());
  }();
  return prefix;
}

/// Whether a file was being written by a process of this machine that is no more.
bool is_left_over(std::string_view name) {
  const std::string& prefix = temporary_prefix();
  if (!name.starts_with(prefix)) return false;
  name.remove_prefix(prefix.size());
  pid_t process = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), process);
  return error == std::errc() && end == name.data() + name.size() && process > 0 &&
         kill(process, 0) != 0 && errno == ESRCH;
}

void remove_left_over(const fs::path& folder) {
  std::error_code error;  // writing there will say what is wrong with it
  fs::directory_iterator entry(folder.empty() ? "." : folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    if (is_left_over(entry->path().filename().native())) unlink(entry->path().c_str());
  }
}

int replace(const fs::path& path, const TextPieces& pieces) {
  const fs::path target = link_target(path);
  std::error_code unreadable;  // then opening it says why
  if (fs::is_symlink(fs::symlink_status(target, unreadable))) return ELOOP;
  remove_left_over(target.parent_path());
  // A short name: one made from the file's own could be too long.
  const fs::path temporary =
      target.parent_path() / fmt::format("{}{}", temporary_prefix(), getpid());
  int error = 0;
  try {
    error = write_all(temporary, pieces);
  } catch (...) {
    unlink(temporary.c_str());
    throw;
  }
  if (error == 0 && std::rename(temporary.c_str(), target.c_str()) != 0) error = errno;
  if (error != 0) unlink(temporary.c_str());
  return error;
}

void write_file(const fs::path& path, const TextPieces& pieces) {
  const int error = takes_writes(path) ? write_into(path, pieces) : replace(path, pieces);
  if (error != 0) {
    throw MachineError(fmt::format("cannot write '{}': {}", path.string(), reason(error)));
  }
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

fs::path link_target(fs::path path) {
  constexpr int kMostLinks = 40;  // as Linux has it; a longer chain, or a ring, is left as it is
  std::error_code error;
  for (int links = 0; links < kMostLinks; ++links) {
    const fs::path target = fs::read_symlink(path, error);
    if (error) break;
    path = path.parent_path() / target;
  }
  return path;
}

OutputFolder::OutputFolder(fs::path path) : path_(std::move(path)), made_(make_folder(path_)) {
  const fs::path trial = path_ / fmt::format("{}{}", temporary_prefix(), getpid());
  const int error = write_all(trial, whole("tokenlift\n"));
  unlink(trial.c_str());
  if (error != 0) {
    throw MachineError(
        fmt::format("cannot write into the folder '{}': {}", path_.string(), reason(error)));
  }
}

bool OutputFolder::claim() {
  const int folder = open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return true;  // it may be written into and not be read
  claim_ = std::shared_ptr<const int>(new int(folder), [](const int* file) {
    close(*file);  // which unlocks it
    delete file;
  });
  return flock(folder, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

void OutputFolder::give_up() const {
  std::error_code ignored;  // not empty: somebody has begun to use it
  if (made_) fs::remove(path_, ignored);
}

fs::path OutputFolder::write(const fs::path& name, std::string_view text) const {
  return write(name, whole(text));
}

fs::path OutputFolder::write(const fs::path& name, const TextPieces& pieces) const {
  fs::path path = path_ / name;
  make_folder(path.parent_path());
  write_file(path, pieces);
  return path;
}

OutputFile::OutputFile(fs::path path) : path_(std::move(path)) {
  if (takes_writes(path_)) return;
  const fs::path folder = link_target(path_).parent_path();
  const OutputFolder tried(folder.empty() ? "." : folder);
}

void OutputFile::write(std::string_view text) const {
  write_file(path_, whole(text));
}

}  // namespace tokenlift
