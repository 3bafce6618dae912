#include "bench/command/list_commands.hpp"

#include <algorithm>

#include "workloads/reader/catalogue.hpp"

namespace tokenlift {

namespace {

/// Names and descriptions, a line each.
template <typename Named>
int print_list(const Surroundings& surroundings, const std::vector<Named>& things) {
  std::size_t width = 0;
  for (const Named& thing : things) width = std::max(width, thing.name.size());
  std::string text;
  for (const Named& thing : things) {
    text += fmt::format("{:<{}}  {}\n", thing.name, width, thing.description);
  }
  print_result(surroundings, text);
  return kDone;
}

}  // namespace

Command scenarios_command() {
  return {.name = "scenarios",
          .help = "list the built-in scenarios",
          .run = [](const Surroundings& surroundings) {
            return print_list(surroundings, builtin_scenarios());
          }};
}

Command profiles_command() {
  return {.name = "profiles",
          .help = "list the built-in profiles: what one replica can be",
          .run = [](const Surroundings& surroundings) {
            return print_list(surroundings, builtin_profiles());
          }};
}

Command suites_command() {
  return {.name = "suites",
          .help = "list the built-in suites",
          .run = [](const Surroundings& surroundings) {
            return print_list(surroundings, builtin_suites());
          }};
}

}  // namespace tokenlift
