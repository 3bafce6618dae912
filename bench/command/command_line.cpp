#include "bench/command/command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <new>
#include <sstream>
#include <string_view>
#include <system_error>
#include <vector>

#include "bench/command/audit_command.hpp"
#include "bench/command/calibrate_command.hpp"
#include "bench/command/check_command.hpp"
#include "bench/command/compare_command.hpp"
#include "bench/command/completion.hpp"
#include "bench/command/list_commands.hpp"
#include "bench/command/manual.hpp"
#include "bench/command/merge_command.hpp"
#include "bench/command/report_command.hpp"
#include "bench/command/run_command.hpp"
#include "bench/command/schema_command.hpp"
#include "bench/command/serve_command.hpp"
#include "bench/command/size_command.hpp"
#include "bench/command/suite_command.hpp"
#include "bench/command/sweep_command.hpp"
#include "bench/command/tune_command.hpp"
#include "bench/machine/output_folder.hpp"
#include "bench/machine/workers.hpp"
#include "bench/run/readiness.hpp"
#include "bench/wire/origin.hpp"
#include "reports/json/json_run.hpp"
#include "workloads/text/mistake.hpp"

namespace tokenlift {

namespace {

/// In the order in which --help lists them.
std::vector<Command> all_commands() {
  return {run_command(),
          serve_command(),
          audit_command(),
          check_command(),
          scenarios_command(),
          profiles_command(),
          calibrate_command(),
          merge_command(),
          report_command(),
          compare_command(),
          suite_command(),
          suites_command(),
          sweep_command(),
          size_command(),
          tune_command(),
          schema_command(),
          completion_command(all_commands),
          manual_command(all_commands),
          keys_command()};
}

void add(CLI::App& app, const Option& option) {
  if (option.value.flag) {
    app.add_flag_callback(
        option.name, [take = option.value.take] { take(""); }, option.help);
    return;
  }
  const auto take = [name = option.name, take = option.value.take](const CLI::results_t& words) {
    for (const std::string& word : words) {
      const std::string mistake = take(word);
      if (!mistake.empty()) throw CLI::ValidationError(name, mistake);
    }
    return true;
  };
  CLI::Option* const added = app.add_option(option.name, take, option.help);
  added->type_name(option.value.type);
  if (option.value.several) {
    added->expected(CLI::detail::expected_max_vector_size)->allow_extra_args(is_by_place(option));
  }
  added->required(is_by_place(option) && !option.omissible);
}

CLI::App* add(CLI::App& app, const Command& command) {
  CLI::App* const added = app.add_subcommand(command.name, command.help);
  if (!command.footer.empty()) added->footer(command.footer);
  if (command.hidden) added->group("");
  added->allow_extras(static_cast<bool>(command.take_other));
  for (const Option& option : command.options) add(*added, option);
  for (const Option& option : command.options) {
    CLI::Option* const row = added->get_option(option.name);
    for (const std::string& other : option.needs) row->needs(added->get_option(other));
    for (const std::string& other : option.excludes) row->excludes(added->get_option(other));
  }
  return added;
}

/// Throws UsageError.
void take_others(const Command& command, const CLI::App& parsed) {
  for (const std::string& word : parsed.remaining()) {
    const std::string mistake = command.take_other(word);
    if (!mistake.empty()) throw UsageError(fmt::format("{}: {}", command.name, mistake));
  }
}

/// `help`, `help run` and `version` as the options that say the same.
std::vector<std::string> as_options(std::vector<std::string> words) {
  if (words.size() < 2) return words;
  if (words[1] == "version") words[1] = "--version";
  if (words[1] == "help") {
    words.erase(words.begin() + 1);
    words.emplace_back("--help");
  }
  return words;
}

/// The command that the first word is; null where that is an option of the program, or there is
/// none. Throws UsageError.
const Command* require_command(const std::vector<std::string>& words,
                               const std::vector<Command>& commands) {
  if (words.size() < 2 || words[1].starts_with('-')) return nullptr;
  const auto found = std::ranges::find(commands, words[1], &Command::name);
  if (found != commands.end()) return &*found;
  std::vector<std::string> names;
  for (const Command& command : commands) {
    if (!command.hidden) names.push_back(command.name);
  }
  throw UsageError(fmt::format("no command is called '{}'; {}", words[1],
                               suggestion(words[1], names, "--help lists them")));
}

/// An option that starts with dashes and that the command doesn't have. Throws UsageError.
void require_options(const std::vector<std::string>& words, const Command& command) {
  if (command.take_other) return;
  std::vector<std::string> names = {"--help"};
  for (const Option& option : command.options) {
    if (!is_by_place(option)) names.push_back(option.name);
  }
  for (std::size_t i = 2; i < words.size() && words[i] != "--"; ++i) {
    const std::string name = words[i].substr(0, words[i].find('='));
    if (!name.starts_with("--") || std::ranges::count(names, name) > 0) continue;
    throw UsageError(fmt::format("{} has no option '{}'; {}", command.name, name,
                                 suggestion(name, names, "--help lists them")));
  }
}

/// --help, each line broken between words where the terminal is narrower; what follows the name of
/// an option, or a line's own indentation, stays where it was.
std::string fitted_help(const std::string& help, int width) {
  std::string fitted;
  std::istringstream lines(help);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t begin = std::min(line.find_first_not_of(' '), line.size());
    const std::size_t gap = line.find("  ", begin);
    const std::size_t text = gap == std::string::npos ? begin : line.find_first_not_of(' ', gap);
    fitted += wrapped(line, width, std::min(text, static_cast<std::size_t>(width) / 2));
  }
  return fitted;
}

int dispatch(const Surroundings& surroundings) {
  const std::vector<Command> commands = all_commands();
  const std::vector<std::string> words = as_options(surroundings.words);
  if (const Command* const command = require_command(words, commands)) {
    require_options(words, *command);
  }
  CLI::App app{
      "tokenlift: what happens to throughput and latency when a throttle on an inference "
      "fleet is lifted?"};
  app.set_version_flag("-V,--version", "tokenlift " TOKENLIFT_VERSION);
  app.require_subcommand(1);
  app.footer(kExitCodes);
  std::vector<const CLI::App*> parsed;
  for (const Command& command : commands) parsed.push_back(add(app, command));

  std::vector<const char*> arguments;
  for (const std::string& word : words) arguments.push_back(word.c_str());
  try {
    app.parse(static_cast<int>(arguments.size()), arguments.data());
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    std::ostringstream err;
    const int code = app.exit(error, out, err);
    print_result(surroundings, fitted_help(out.str(), style_of(surroundings).width));
    std::fputs(visible_lines(without_long_words(err.str())).c_str(), surroundings.err);
    return code == 0 ? kDone : kInputWrong;
  }
  for (std::size_t i = 0; i < commands.size(); ++i) {
    if (!*parsed[i]) continue;
    if (commands[i].take_other) take_others(commands[i], *parsed[i]);
    return commands[i].run(surroundings);
  }
  return kInputWrong;
}

/// What the libraries below throw names neither what is lacking nor what to do.
std::string what_is_lacking(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) {
    return "not enough memory (ulimit -v, or what a container is given)";
  }
  const auto* system = dynamic_cast<const std::system_error*>(&error);
  const bool no_thread =
      (system != nullptr && system->code() == std::errc::resource_unavailable_try_again) ||
      std::string_view(error.what()).starts_with("pthread_create");  // oneTBB
  return no_thread ? fmt::format("a thread could not be made: {}", kMoreThreads) : error.what();
}

}  // namespace

int run_command_line(const Surroundings& surroundings) {
  try {
    return dispatch(surroundings);
  } catch (const ScenarioError& error) {
    std::fputs(fmt::format("{}\n", error.what()).c_str(), surroundings.err);
    return kInputWrong;
  } catch (const RunFileError& error) {
    complain(surroundings, error.what());
    return kInputWrong;
  } catch (const UsageError& error) {
    complain(surroundings, error.what());
    return kInputWrong;
  } catch (const EndpointError& error) {
    complain(surroundings, error.what());
    return kInputWrong;
  } catch (const NotMeasurable& error) {
    complain(surroundings, error.what());
    return kNotValid;
  } catch (const MachineError& error) {
    complain(surroundings, error.what());
    return kMachineFailed;
  } catch (const std::exception& error) {
    complain(surroundings, fmt::format("the machine failed: {}", what_is_lacking(error)));
    return kMachineFailed;
  }
}

}  // namespace tokenlift
