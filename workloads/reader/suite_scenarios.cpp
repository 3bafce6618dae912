#include "workloads/reader/suite_scenarios.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "workloads/reader/catalogue.hpp"
#include "workloads/reader/scenario_reader.hpp"
#include "workloads/text/utf8.hpp"

namespace tokenlift {

SuiteScenarios::SuiteScenarios(Document& document, std::string folder,
                               const std::vector<std::string>& overrides,
                               const std::vector<Profile>& profiles)
    : document_(document), folder_(std::move(folder)), overrides_(overrides), profiles_(profiles) {}

const ScenarioSource* SuiteScenarios::find(const std::string& reference, const Place& place) {
  auto [entry, is_new] = sources_.try_emplace(reference);
  if (is_new) entry->second = load(reference, place);
  return entry->second ? &*entry->second : nullptr;
}

std::optional<ScenarioSource> SuiteScenarios::load(const std::string& reference,
                                                   const Place& place) {
  const std::filesystem::path path = std::filesystem::path(folder_) / reference;
  std::error_code unreadable;  // a name too long or forbidden is no file
  if (!folder_.empty() && std::filesystem::is_regular_file(path, unreadable)) {
    errno = 0;
    std::ifstream in(path, std::ios::binary);
    // One byte more than a document may have: who parses it says so.
    std::string text(kMostDocumentBytes + 1, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (in.is_open() && !in.bad()) {
      text.resize(static_cast<std::size_t>(in.gcount()));
      text.shrink_to_fit();
      return ScenarioSource{path.string(), path.parent_path().string(), std::move(text)};
    }
    document_.add(place, "cannot read the scenario " + in_quotes(path.string()) + ": " +
                             std::generic_category().message(errno));
    return std::nullopt;
  }
  std::vector<std::string> names;
  for (const BuiltinScenario& builtin : builtin_scenarios()) {
    if (builtin.name == reference) {
      return ScenarioSource{builtin.name, folder_, std::string(builtin.text)};
    }
    names.push_back(builtin.name);
  }
  document_.add(place,
                "no built-in scenario is called " + in_quotes(reference) +
                    (folder_.empty() ? "" : ", and no file is there in the suite's folder"),
                suggest(reference, names));
  return std::nullopt;
}

Scenario SuiteScenarios::parse(const ScenarioSource& source,
                               const std::vector<const Setting*>& settings,
                               const std::vector<std::string>& last_words) const {
  std::vector<std::string> words;
  for (const Setting* setting : settings) words.push_back(setting->word);
  words.insert(words.end(), overrides_.begin(), overrides_.end());
  words.insert(words.end(), last_words.begin(), last_words.end());
  return parse_scenario(source.text, source.name, source.folder, words, profiles_);
}

std::optional<Scenario> SuiteScenarios::read(const ScenarioSource& source,
                                             const std::vector<const Setting*>& settings,
                                             const Place& case_place) {
  try {
    return parse(source, settings);
  } catch (const ScenarioError& error) {
    for (const Mistake& mistake : error.mistakes()) note(source, settings, case_place, mistake);
    return std::nullopt;
  }
}

std::vector<Mistake> SuiteScenarios::mistakes_with(const ScenarioSource& source,
                                                   const std::vector<const Setting*>& settings,
                                                   const std::vector<std::string>& words) const {
  try {
    parse(source, settings, words);
  } catch (const ScenarioError& error) {
    return error.mistakes();
  }
  return {};
}

std::set<SuiteScenarios::Identity> SuiteScenarios::mistakes_of(
    const ScenarioSource& source, const std::vector<const Setting*>& settings) const {
  std::set<Identity> found;
  try {
    parse(source, settings);
  } catch (const ScenarioError& error) {
    for (const Mistake& m : error.mistakes()) found.emplace(m.source, m.line, m.column, m.message);
  }
  return found;
}

void SuiteScenarios::note(const ScenarioSource& source, const std::vector<const Setting*>& settings,
                          const Place& case_place, const Mistake& mistake) {
  // Of two that say the same the later one counts.
  const auto setting = std::find_if(settings.rbegin(), settings.rend(), [&](const Setting* s) {
    return override_source(s->word) == mistake.source;
  });
  if (setting != settings.rend()) {
    const bool in_key = mistake.column <= static_cast<int>(count_code_points((*setting)->key));
    add(in_key ? (*setting)->key_place : (*setting)->place, mistake.message, mistake.advice);
    return;
  }
  auto [by_itself, is_new] = by_itself_.try_emplace(&source);
  if (is_new) by_itself->second = mistakes_of(source, {});
  const Identity identity(mistake.source, mistake.line, mistake.column, mistake.message);
  if (!by_itself->second.contains(identity)) {
    explain(source, settings, case_place, mistake);
  } else if (said_.insert(identity).second) {
    document_.add(std::vector<Mistake>{mistake});
  }
}

// A value is to blame if the mistake is not there without it.
void SuiteScenarios::explain(const ScenarioSource& source,
                             const std::vector<const Setting*>& settings, const Place& case_place,
                             const Mistake& mistake) {
  const Identity identity(mistake.source, mistake.line, mistake.column, mistake.message);
  const std::string message = mistake.message + " (" + at_place(mistake) + ")";
  std::set<const Setting*>& blamed = blamed_[identity];
  const auto is_blamed = [&](const Setting* setting) { return blamed.contains(setting); };
  if (std::ranges::any_of(settings, is_blamed)) return;
  for (std::size_t i = settings.size(); i-- > 0;) {
    std::vector<const Setting*> others = settings;
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
    if (mistakes_of(source, others).contains(identity)) continue;
    blamed.insert(settings[i]);
    add(settings[i]->place, message, mistake.advice);
    return;
  }
  add(case_place, message, mistake.advice);
}

void SuiteScenarios::add(const Place& place, const std::string& message,
                         const std::string& advice) {
  const Identity identity("", static_cast<int>(place.begin.line),
                          static_cast<int>(place.begin.column), message);
  if (said_.insert(identity).second) document_.add(place, message, advice);
}

}  // namespace tokenlift
