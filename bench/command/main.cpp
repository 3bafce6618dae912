#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <string_view>

#include "bench/command/command_line.hpp"

namespace {

std::atomic<bool> stop_requested{false};
static_assert(std::atomic<bool>::is_always_lock_free, "needed in a signal handler");

extern "C" void request_stop(int) {
  stop_requested = true;
  constexpr std::string_view kMessage = "\ntokenlift: ending the run; once more kills it\n";
  // If that can't be written there is nobody to read it.
  [[maybe_unused]] const auto written = write(STDERR_FILENO, kMessage.data(), kMessage.size());
}

/// The first Ctrl-C ends the run early and keeps what was measured; the second one kills.
void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = request_stop;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaction(signal, &action, nullptr);
  // A limit on file sizes is an error to report, like a full disk, and a reader of progress that
  // has gone is none: no reasons to die with a result in hand.
  action.sa_handler = SIG_IGN;
  action.sa_flags = 0;
  for (const int signal : {SIGXFSZ, SIGPIPE}) sigaction(signal, &action, nullptr);
}

}  // namespace

int main(int argc, char** argv) {
  catch_interrupts();
  tokenlift::Surroundings surroundings;
  surroundings.words.assign(argv, argv + argc);
  const char* terminal = std::getenv("TERM");
  const bool dumb = terminal != nullptr && std::string_view(terminal) == "dumb";
  surroundings.out_is_terminal = isatty(STDOUT_FILENO) == 1 && !dumb;
  surroundings.err_is_terminal = isatty(STDERR_FILENO) == 1 && !dumb;
  const char* no_color = std::getenv("NO_COLOR");
  surroundings.no_color = no_color != nullptr && *no_color != '\0';
  surroundings.stop = &stop_requested;
  return tokenlift::run_command_line(surroundings);
}
