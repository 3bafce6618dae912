#include "bench/command/list_commands.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "reports/text/text_table.hpp"
#include "workloads/reader/catalogue.hpp"
#include "workloads/writer/scenario_writer.hpp"

namespace tokenlift {

namespace {

/// Names and descriptions, a line each.
template <typename Named>
int print_list(const Surroundings& surroundings, const std::vector<Named>& things) {
  std::size_t width = 0;
  for (const Named& thing : things) width = std::max(width, thing.name.size());
  const TextStyle style = style_of(surroundings);
  std::string text;
  for (const Named& thing : things) {
    const std::string line = fmt::format("{:<{}}  {}", thing.name, width, thing.description);
    text += style.table_width > 0 ? wrapped(line, style.table_width, width + 2) : line + "\n";
  }
  print_result(surroundings, text);
  return kDone;
}

std::string text_of(const BuiltinText& thing) {
  return std::string(thing.text);
}

std::string text_of(const Profile& profile) {
  return to_toml(std::vector{profile});
}

/// A command that lists what is built in, or shows the one that is named as the file it is.
template <typename Named>
Command list_command(const std::string& name, const std::string& help,
                     const std::vector<Named>& things) {
  const auto wanted = std::make_shared<std::string>();
  return {
      .name = name,
      .help = help + "; with a name show that one, as TOML",
      .options = {{"NAME", text(*wanted), "one of them", {}, {}, true}},
      .run = [wanted, &things](const Surroundings& surroundings) {
        if (wanted->empty()) return print_list(surroundings, things);
        std::vector<std::string> names;
        for (const Named& thing : things) {
          if (thing.name != *wanted) {
            names.push_back(thing.name);
            continue;
          }
          print_result(surroundings, text_of(thing));
          return kDone;
        }
        throw UsageError(fmt::format("none that is built in is called '{}'; {}", *wanted,
                                     suggestion(*wanted, names, "without a name all are listed")));
      }};
}

}  // namespace

Command scenarios_command() {
  return list_command("scenarios", "list the built-in scenarios", builtin_scenarios());
}

Command profiles_command() {
  return list_command("profiles", "list the built-in profiles: what one replica can be",
                      builtin_profiles());
}

Command suites_command() {
  return list_command("suites", "list the built-in suites", builtin_suites());
}

}  // namespace tokenlift
