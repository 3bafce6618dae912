#include "bench/command/input.hpp"

#include <fmt/chrono.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <system_error>

#include "bench/machine/input_file.hpp"
#include "bench/tune/problem.hpp"
#include "reports/json/json_run.hpp"
#include "workloads/reader/catalogue.hpp"
#include "workloads/reader/profile_text.hpp"
#include "workloads/reader/scenario_reader.hpp"
#include "workloads/text/mistake.hpp"
#include "workloads/text/utf8.hpp"

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

namespace {

std::string read_text(const std::filesystem::path& path, const MostBytes& most_bytes) {
  FileText read = read_whole(path, most_bytes);
  if (read.error == EFBIG) {
    throw UsageError(fmt::format("'{}' is larger than {} MiB, which is the most that is read",
                                 path.string(), most_bytes(read.text) >> 20));
  }
  if (read.error != 0) {
    throw UsageError(fmt::format("cannot read '{}': {}", path.string(),
                                 std::generic_category().message(read.error)));
  }
  return std::move(read.text);
}

/// As a run.json begins, and no TOML.
bool is_json(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text[first] == '{';
}

/// Where names are looked for that are relative; empty where that folder has been removed.
std::string present_folder() {
  std::error_code removed;
  return std::filesystem::current_path(removed).string();
}

}  // namespace

std::string read_file(const std::filesystem::path& path, std::size_t most_bytes) {
  return read_text(path, [most_bytes](std::string_view) { return most_bytes; });
}

std::vector<Profile> load_profiles(const std::vector<std::string>& files) {
  std::vector<Profile> profiles;
  for (const std::string& file : files) {
    for (Profile& profile : parse_profiles(read_file(file, kMostDocumentBytes), file)) {
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
    std::string text = read_text(path, [](std::string_view begin) {
      return is_json(begin) ? kMostTextBytes : kMostDocumentBytes;
    });
    if (is_json(text)) text = scenario_toml(read_run(text, path.string()));
    const auto whole = std::filesystem::absolute(path, unreadable);
    return {path.string(), whole.parent_path().string(), std::move(text)};
  }
  std::vector<std::string> names;
  for (const BuiltinScenario& builtin : builtin_scenarios()) {
    if (builtin.name == reference) {
      return {builtin.name, present_folder(), std::string(builtin.text)};
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

/// The one spelling of a path, without links; the file and its folders need not exist.
std::filesystem::path spelled_out(const std::filesystem::path& path) {
  std::error_code error;
  const auto absolute = std::filesystem::absolute(link_target(path), error);
  const auto whole = std::filesystem::weakly_canonical(absolute, error);
  return error ? absolute : whole;  // links in a ring: writing there says so
}

}  // namespace

bool is_same_file(const std::filesystem::path& one, const std::filesystem::path& other) {
  std::error_code missing;  // then it is their names that count
  return std::filesystem::equivalent(one, other, missing) || spelled_out(one) == spelled_out(other);
}

void require_no_input(std::string_view option, const std::filesystem::path& out,
                      const std::vector<std::filesystem::path>& inputs) {
  std::error_code missing;
  if (out.empty() || !std::filesystem::is_regular_file(out, missing)) return;
  for (const std::filesystem::path& input : inputs) {
    if (input.empty() || !is_same_file(out, input)) continue;
    throw UsageError(
        fmt::format("{} '{}' would be written over '{}', which is read: give another file", option,
                    out.string(), input.string()));
  }
}

std::vector<std::filesystem::path> inputs_of(const ScenarioChoice& choice,
                                             const Scenario& scenario) {
  std::vector<std::filesystem::path> files = {choice.reference};
  files.insert(files.end(), choice.profile_files.begin(), choice.profile_files.end());
  const auto add = [&](const Credentials& credentials) {
    files.emplace_back(credentials.key_file);
  };
  for (const Site& site : scenario.fleet.sites) {
    if (site.endpoint) add(site.endpoint->credentials);
  }
  for (const Tenant& tenant : scenario.tenants) {
    add(tenant.credentials);
    files.emplace_back(tenant.prompts.file);
    if (tenant.arrivals.trace) files.emplace_back(tenant.arrivals.trace->file);
  }
  for (const Event& event : scenario.events) {
    if (event.call) add(event.call->credentials);
  }
  return files;
}

namespace {

/// A name as that of one folder, not of a path, nor of a hidden one, nor longer than file systems
/// have them.
std::string folder_name(std::string_view name) {
  constexpr std::size_t kLongestBytes = 200;
  std::string folder;
  for (const char c : name) folder += c == '/' || c == '\\' ? '_' : c;
  if (folder.starts_with('.')) folder.front() = '_';
  return std::string(beginning_of(folder, kLongestBytes));
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

OutputFolder claim_folder(const std::string& out, const std::string& name) {
  for (;;) {
    OutputFolder folder(out.empty() ? default_folder(name) : out);
    if (folder.claim()) return folder;
    if (out.empty()) continue;  // somebody has begun the same in the same second
    throw UsageError(fmt::format(
        "another process is at work in '{}': wait until it has ended, or give another folder",
        out));
  }
}

OutputFolder open_results(const ResultsFolder& results) {
  const auto has_marker = [&](const std::string& folder) {
    std::error_code error;
    return std::filesystem::exists(std::filesystem::path(folder) / results.marker, error);
  };
  if (!results.resume.empty()) {
    if (has_marker(results.resume)) return claim_folder(results.resume, results.name);
    throw UsageError(fmt::format("no {} was begun in '{}': there is no {} in it", results.what,
                                 results.resume, results.marker));
  }
  if (results.out.empty() || !has_marker(results.out)) {
    return claim_folder(results.out, results.name);
  }
  throw UsageError(
      fmt::format("'{0}' holds {1}: go on with it by --resume {0}, or give another folder",
                  results.out, results.holds));
}

}  // namespace tokenlift
