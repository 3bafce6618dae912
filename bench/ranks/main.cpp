// tokenlift-mpi: the same command line as several processes.

#include <atomic>
#include <csignal>
#include <exception>

#include "bench/command/command_line.hpp"
#include "bench/command/program.hpp"
#include "bench/ranks/greeting.hpp"
#include "bench/ranks/helper.hpp"
#include "bench/ranks/helpers.hpp"
#include "bench/ranks/mail.hpp"

namespace {

using namespace tokenlift;

std::atomic<bool> stop_requested{false};

/// It is rank 0 that says so, and that ends the program.
extern "C" void request_stop_of_helper(int) {
  stop_requested = true;
}

void help(RankMail& mail, const Surroundings& surroundings) {
  struct sigaction action {};
  action.sa_handler = request_stop_of_helper;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaction(signal, &action, nullptr);
  help_rank_0(mail, surroundings.words, stop_requested);
}

int run(RankMail& mail, Surroundings surroundings) {
  std::vector<Greeting> greetings = exchange_greetings(mail);
  const std::string unlike = mail.rank() == 0 ? unlike_rank(greetings) : "";
  if (!mail.told_by_rank_0(unlike.empty())) {
    if (mail.rank() == 0) complain(surroundings, unlike);
    return mail.rank() == 0 ? kInputWrong : kDone;
  }
  if (mail.rank() > 0) {
    help(mail, surroundings);
    return kDone;
  }
  // mpirun puts a terminal of its own in between, wherever what is printed goes to.
  surroundings.out_is_terminal = surroundings.err_is_terminal = false;
  Helpers helpers(mail, std::move(greetings));
  surroundings.ranks = &helpers;
  const int code = run_command_line(surroundings);
  helpers.end();
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  const Surroundings surroundings = surroundings_of_process(argc, argv);
  try {
    RankMail mail(argc, argv);
    return run(mail, surroundings);
  } catch (const std::exception& error) {
    complain(surroundings, error.what());
    return kMachineFailed;
  }
}
