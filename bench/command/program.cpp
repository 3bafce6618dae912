#include "bench/command/program.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <new>
#include <string_view>

namespace tokenlift {

namespace {

std::terminate_handler terminate_as_usual = nullptr;
std::atomic<bool> stop_requested{false};
std::atomic<bool> looks_at_stop{false};      // somebody measures, and ends when it is requested
std::atomic<bool> waits_for_answers{false};  // being stopped, the run waits for what is in flight
std::atomic<bool> serves{false};             // others ask it
std::atomic<bool> cut_requested{false};
static_assert(std::atomic<bool>::is_always_lock_free, "needed in a signal handler");

void say_at_once(std::string_view message) {
  // If that can't be written there is nobody to read it.
  [[maybe_unused]] const auto written = write(STDERR_FILENO, message.data(), message.size());
}

/// The first one ends the run; where nothing is measured yet, the program. The next one kills, or
/// ends the waiting for what is in flight; then the one after it kills.
extern "C" void request_stop(int signal) {
  if (!looks_at_stop) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);  // comes through when this returns
    return;
  }
  if (stop_requested) {
    cut_requested = true;
    say_at_once(serves ? "\ntokenlift: the requests in flight are cut; once more kills the server\n"
                       : "\ntokenlift: what is in flight is cut; once more kills the run\n");
    std::signal(signal, SIG_DFL);
    return;
  }
  stop_requested = true;
  if (waits_for_answers) {
    say_at_once(serves ? "\ntokenlift: no more requests are taken; once more cuts those in flight\n"
                       : "\ntokenlift: nothing more is sent; once more cuts what is in flight\n");
  } else {
    say_at_once("\ntokenlift: ending the run; once more kills it\n");
    std::signal(signal, SIG_DFL);
  }
}

/// What was measured is kept where a run is ended by hand. A signal that who started the program
/// had it ignore stays ignored: of `nohup` that which comes with the end of a session, and of `&`
/// in a script Ctrl-C, which is meant for what stands in front.
void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = request_stop;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction inherited {};
    sigaction(signal, nullptr, &inherited);
    if (inherited.sa_handler != SIG_IGN) sigaction(signal, &action, nullptr);
  }
  // A limit on file sizes is an error to report, like a full disk, and a reader of progress that
  // has gone is none: no reasons to die with a result in hand.
  action.sa_handler = SIG_IGN;
  for (const int signal : {SIGXFSZ, SIGPIPE}) sigaction(signal, &action, nullptr);
}

/// Where stdin, stdout or stderr were closed, the first file that is opened would take their
/// number, and what is printed would go into it. Instead they are what can neither be read nor
/// written.
void occupy_closed_streams() {
  for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(number, F_GETFD) != -1) continue;
    // The lowest number that is free, which is this one.
    static_cast<void>(open("/dev/null", number == STDIN_FILENO ? O_WRONLY : O_RDONLY));
  }
}

/// Where memory is lacking within a destructor nothing can be thrown, and the program ends here: a
/// JSON value of the library asks for some while it is destroyed.
[[noreturn]] void end_at_once() {
  try {
    if (const std::exception_ptr error = std::current_exception()) std::rethrow_exception(error);
  } catch (const std::bad_alloc&) {
    say_at_once("tokenlift: the machine failed: not enough memory\n");
    _exit(kMachineFailed);
  } catch (...) {  // NOLINT(bugprone-empty-catch): a defect, as is that there is none
  }
  terminate_as_usual();
  std::abort();
}

}  // namespace

Surroundings surroundings_of_process(int argc, char** argv) {
  terminate_as_usual = std::set_terminate(end_at_once);
  occupy_closed_streams();
  catch_interrupts();
  Surroundings surroundings;
  surroundings.words.assign(argv, argv + argc);
  const char* terminal = std::getenv("TERM");
  const bool dumb = terminal != nullptr && std::string_view(terminal) == "dumb";
  surroundings.out_is_terminal = isatty(STDOUT_FILENO) == 1 && !dumb;
  surroundings.err_is_terminal = isatty(STDERR_FILENO) == 1 && !dumb;
  const char* no_color = std::getenv("NO_COLOR");
  surroundings.no_color = no_color != nullptr && *no_color != '\0';
  surroundings.stop = &stop_requested;
  surroundings.looks_at_stop = &looks_at_stop;
  surroundings.waits_for_answers = &waits_for_answers;
  surroundings.serves = &serves;
  surroundings.cut = &cut_requested;
  return surroundings;
}

}  // namespace tokenlift
