#include "workloads/reference/settable.hpp"

#include <algorithm>
#include <string_view>

#include "workloads/reader/catalogue.hpp"
#include "workloads/reference/keys.hpp"
#include "workloads/scenario/keywords.hpp"
#include "workloads/text/key_path.hpp"

namespace tokenlift {

namespace {

class Walk {
 public:
  explicit Walk(const Scenario& scenario) : scenario_(scenario) {}
  std::vector<SettableKey> keys() && {
    table("", "", [](const LanguageKey&) { return true; });
    return std::move(keys_);
  }

 private:
  template <typename Has>
  void table(std::string_view name, const std::string& path, const Has& has_key) {
    for (const LanguageKey& key : language_table(name).keys) {
      if (has_key(key)) value(key, path);
    }
  }
  void value(const LanguageKey& key, const std::string& path);
  void elements(std::string_view of, const std::string& path);

  const Scenario& scenario_;
  std::vector<SettableKey> keys_;
};

constexpr auto kAll = [](const LanguageKey&) { return true; };

void Walk::value(const LanguageKey& key, const std::string& path) {
  const std::string inner = path + std::string(key.name);
  if (has(key.forms, Form::tables) || key.table == "profiles") {
    elements(key.table, inner + ".");
    return;
  }
  if (key.name == "*") return;
  // What may be a single value is mostly one.
  const bool is_table = key.forms == Form::table;
  if (!is_table) keys_.push_back({inner, plain_text(key.help)});
  if (has(key.forms, Form::table)) table(key.table, inner + ".", kAll);
}

void Walk::elements(std::string_view of, const std::string& path) {
  if (of == "fleet.site") {
    for (const Site& site : scenario_.fleet.sites)
      table(of, path + path_word(site.name) + ".", kAll);
  } else if (of == "tenant") {
    for (const Tenant& tenant : scenario_.tenants) {
      table(of, path + path_word(tenant.name) + ".", kAll);
    }
  } else if (of == "job") {
    for (const Job& job : scenario_.jobs) table(of, path + path_word(job.name) + ".", kAll);
  } else if (of == "throttle") {
    for (const Throttle& throttle : scenario_.throttles) {
      const std::string_view kind = name_of(throttle.kind);
      table(of, path + path_word(throttle.name) + ".", [&](const LanguageKey& key) {
        return key.kinds.empty() || std::ranges::find(key.kinds, kind) != key.kinds.end();
      });
    }
  } else if (of == "profiles") {
    for (const Profile& profile : scenario_.profiles) {
      if (find_profile(profile.name) != nullptr) continue;  // the scenario says nothing of it
      table("profile", path + path_word(profile.name) + ".", kAll);
    }
  } else if (of == "event") {
    for (const Event& event : scenario_.events) {
      const std::string_view action = name_of(event.kind);
      table(of, path + std::to_string(event.index.value) + ".", [&](const LanguageKey& key) {
        return key.name == "at" || key.name == "measure" || key.name == action;
      });
    }
  }
}

}  // namespace

std::vector<SettableKey> settable_keys(const Scenario& scenario) {
  return Walk(scenario).keys();
}

}  // namespace tokenlift
