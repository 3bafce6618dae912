#include "bench/wire/child_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

namespace tokenlift {

namespace {

std::string ended_how(int status) {
  if (WIFSIGNALED(status)) return fmt::format("ended by signal {}", WTERMSIG(status));
  if (WEXITSTATUS(status) == 0) return "";
  return fmt::format("ended with code {}", WEXITSTATUS(status));
}

/// Of the error's number; 0: none.
int spawn(const std::vector<std::string>& command, pid_t& process) {
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  // What is ignored here would be ignored there.
  sigset_t usual;
  sigemptyset(&usual);
  for (const int signal : {SIGPIPE, SIGXFSZ, SIGUSR1}) sigaddset(&usual, signal);
  posix_spawnattr_setsigdefault(&attributes, &usual);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  const int error =
      posix_spawnp(&process, words.front(), &files, &attributes, words.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  return error;
}

}  // namespace

ChildProcess::ChildProcess(WireClock& clock, const std::vector<std::string>& command)
    : clock_(clock) {
  const int error = spawn(command, process_);
  if (error != 0) {
    process_ = -1;
    failure_ = std::strerror(error);
    clock_.poller().post(*this);
    return;
  }
  handle_ = static_cast<int>(syscall(SYS_pidfd_open, process_, 0));
  if (handle_ < 0) {
    failure_ = fmt::format("nobody can say when it ends ({})", std::strerror(errno));
    clock_.poller().post(*this);
    return;
  }
  clock_.poller().add(handle_, *this, Watch::reading);
}

void ChildProcess::ready(bool readable, bool) {
  if (readable) {
    int status = 0;
    if (waitpid(process_, &status, WNOHANG) != process_) return;
    process_ = -1;
    failure_ = ended_how(status);
  }
  close_handle();
  end_ = End{clock_.now_ns(), failure_};
  clock_.ring();
}

void ChildProcess::close_handle() {
  if (handle_ < 0) return;
  clock_.poller().remove(handle_, *this);
  close(std::exchange(handle_, -1));
}

ChildProcess::~ChildProcess() {
  clock_.poller().remove(-1, *this);
  close_handle();
  if (process_ < 0) return;
  kill(process_, SIGTERM);
  waitpid(process_, nullptr, WNOHANG);  // who takes its time is reaped with this program
}

}  // namespace tokenlift
