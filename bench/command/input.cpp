#include "bench/command/input.hpp"

#include <fmt/chrono.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include "bench/tune/problem.hpp"
#include "reports/json/json_run.hpp"
#include "workloads/reader/catalogue.hpp"
#include "workloads/reader/profile_text.hpp"
#include "workloads/reader/scenario_reader.hpp"

namespace tokenlift {

void add_scenario_options(Command& command, ScenarioChoice& choice) {
  command.options.insert(
      command.options.end(),
      {{"SCENARIO", text(choice.reference),
        "a scenario file (TOML), a run.json, or a built-in name"},
       {"--seed", whole(choice.seed, 0, kAnyWhole),
        "key of all random draws (default: as the scenario says)"},
       {"--set", texts(choice.overrides, "KEY=VALUE"),
        "override a key, e.g. tenant.users.arrivals.load=0.5; may be repeated"},
       profiles_option(choice.profile_files,
                       "profiles that go before the scenario's own and the built-in ones, as "
                       "'tokenlift calibrate' writes them; may be repeated")});
}

Option engine_option(ScenarioChoice& choice, bool (*is_offered)(const EngineTraits&)) {
  std::vector<std::string> names;
  std::string help;
  for (const EngineTraits& engine : kEngines) {
    if (is_offered != nullptr && !is_offered(engine)) continue;
    names.emplace_back(engine.name);
    help += fmt::format("{}{}: {}", help.empty() ? "" : "; ", engine.name, engine.does);
  }
  return {"--engine", one_of(choice.engine, std::move(names)),
          help + " (default: as the scenario says)"};
}

Option profiles_option(std::vector<std::string>& files, std::string help) {
  return {"--profiles", texts(files, "FILE"), std::move(help)};
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) {
    throw UsageError(
        fmt::format("cannot read '{}': {}", path.string(), std::generic_category().message(errno)));
  }
  return text.str();
}

std::vector<Profile> load_profiles(const std::vector<std::string>& files) {
  std::vector<Profile> profiles;
  for (const std::string& file : files) {
    for (Profile& profile : parse_profiles(read_file(file), file)) {
      std::erase_if(profiles, [&](const Profile& other) { return other.name == profile.name; });
      profiles.push_back(std::move(profile));
    }
  }
  return profiles;
}

ScenarioSource find_scenario(const std::string& reference) {
  const std::filesystem::path path = reference;
  std::error_code unreadable;  // a name too long or forbidden is no file
  const auto status = std::filesystem::status(path, unreadable);
  if (unreadable == std::errc::permission_denied) {
    throw UsageError(fmt::format("cannot read '{}': {}", path.string(), unreadable.message()));
  }
  if (std::filesystem::exists(status) && !std::filesystem::is_directory(status)) {
    std::string text = read_file(path);
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first != std::string::npos && text[first] == '{') {
      text = scenario_toml(read_run(text, path.string()));
    }
    return {path.string(), std::filesystem::absolute(path).parent_path().string(), std::move(text)};
  }
  std::vector<std::string> names;
  for (const BuiltinScenario& builtin : builtin_scenarios()) {
    if (builtin.name == reference) {
      return {builtin.name, std::filesystem::current_path().string(), std::string(builtin.text)};
    }
    names.push_back(builtin.name);
  }
  if (std::filesystem::is_directory(status)) {
    throw UsageError(fmt::format("'{}' is a folder, no file: give a scenario or a run.json in it",
                                 path.string()));
  }
  throw UsageError(
      fmt::format("no file and no built-in scenario is called '{}'; {}", reference,
                  suggestion(reference, names, "'tokenlift scenarios' lists the built-in ones")));
}

std::vector<std::string> overrides_of(const ScenarioChoice& choice) {
  std::vector<std::string> overrides = choice.overrides;
  if (choice.engine) overrides.push_back("run.engine=" + *choice.engine);
  if (choice.seed) overrides.push_back("run.seed=" + std::to_string(*choice.seed));
  return overrides;
}

Scenario load_scenario(const ScenarioChoice& choice, const std::vector<Profile>& profiles) {
  const ScenarioSource source = find_scenario(choice.reference);
  return parse_scenario(source.text, source.name, source.folder, overrides_of(choice), profiles,
                        figure_mistake, choice.find_capacity_ns.has_value());
}

void require_no_folder(const std::filesystem::path& out) {
  std::error_code unreadable;  // then it is no folder, and writing will say what it is
  if (std::filesystem::is_directory(out, unreadable) || !out.has_filename()) {
    throw UsageError(fmt::format("'{}' is a folder: --out is the file to write", out.string()));
  }
}

namespace {

/// A name as that of one folder, not of a path, nor of a hidden one, nor longer than file systems
/// have them.
std::string folder_name(std::string_view name) {
  constexpr std::size_t kLongestBytes = 200;
  std::string folder;
  for (const char c : name) folder += c == '/' || c == '\\' ? '_' : c;
  if (folder.starts_with('.')) folder.front() = '_';
  if (folder.size() <= kLongestBytes) return folder;
  std::size_t end = kLongestBytes;
  while (end > 0 && (static_cast<unsigned char>(folder[end]) & 0xc0) == 0x80) --end;
  return folder.substr(0, end);  // no character is cut
}

}  // namespace

std::string default_folder(const std::string& base) {
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  const std::string name =
      fmt::format("tokenlift-results/{}-{:%Y%m%d-%H%M%S}", folder_name(base), fmt::localtime(now));
  std::string folder = name;
  std::error_code error;
  for (int n = 2; std::filesystem::exists(folder, error); ++n) {
    folder = fmt::format("{}-{}", name, n);
  }
  return folder;
}

OutputFolder open_results(const ResultsFolder& results) {
  const auto has_marker = [&](const std::string& folder) {
    std::error_code error;
    return std::filesystem::exists(std::filesystem::path(folder) / results.marker, error);
  };
  if (!results.resume.empty()) {
    if (has_marker(results.resume)) return OutputFolder(results.resume);
    throw UsageError(fmt::format("no {} was begun in '{}': there is no {} in it", results.what,
                                 results.resume, results.marker));
  }
  if (results.out.empty()) return OutputFolder(default_folder(results.name));
  if (!has_marker(results.out)) return OutputFolder(results.out);
  throw UsageError(
      fmt::format("'{0}' holds {1}: go on with it by --resume {0}, or give another folder",
                  results.out, results.holds));
}

}  // namespace tokenlift
