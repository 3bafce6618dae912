#include "bench/command/manual.hpp"

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

#include "reports/text/text_table.hpp"
#include "workloads/reader/catalogue.hpp"
#include "workloads/reference/keys.hpp"

namespace tokenlift {

namespace {

/// As roff reads it literally, also at the begin of a line.
std::string roff(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if ((c == '.' || c == '\'') && (escaped.empty() || escaped.back() == '\n')) escaped += "\\&";
    if (c == '\\') {
      escaped += "\\e";
    } else if (c == '-') {
      escaped += "\\-";
    } else if (c == '\'') {
      escaped += "\\(aq";
    } else if (c == '^') {
      escaped += "\\(ha";
    } else if (c == '~') {
      escaped += "\\(ti";
    } else if (c == '`') {
      escaped += "\\(ga";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

/// Text that man breaks anew, in lines as long as roff likes them.
std::string filled(const std::string& text) {
  constexpr int kColumns = 66;  // escapes come on top
  std::string lines = wrapped(text, kColumns, 0);
  while (lines.ends_with('\n')) lines.pop_back();
  return roff(lines);
}

std::string head(std::string_view name, int section, std::string_view title,
                 std::string_view does) {
  std::string upper(name);
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return fmt::format(".TH {} {} {} \"tokenlift {}\" \"{}\"\n.SH NAME\n{} \\- {}\n", roff(upper),
                     section, TOKENLIFT_DATE, TOKENLIFT_VERSION, title, roff(name), roff(does));
}

std::string section(std::string_view title, std::string_view text) {
  return fmt::format(".SH {}\n{}", title, text);
}

/// A term and what it is.
std::string item(const std::string& term, const std::string& text) {
  return fmt::format(".TP\n{}\n{}\n", term, text.empty() ? "\\&" : text);
}

std::string bold(std::string_view text) {
  return "\\fB" + roff(text) + "\\fR";
}
std::string italic(std::string_view text) {
  return "\\fI" + roff(text) + "\\fR";
}

/// Lines that stay as they are.
std::string literal(const std::string& text) {
  return ".nf\n" + roff(text) + "\n.fi\n";
}

std::string synopsis(const Command& command) {
  std::string text = "\\fBtokenlift " + roff(command.name) + "\\fR";
  for (const Option& option : command.options) {
    if (!is_by_place(option)) continue;
    const std::string word = italic(option.name) + (option.value.several ? "..." : "");
    text += option.omissible ? " [" + word + "]" : " " + word;
  }
  return text + " [\\fIOPTION\\fR...]\n";
}

std::string term_of(const Option& option) {
  if (is_by_place(option)) return italic(option.name);
  std::string text = bold(option.name);
  if (!option.value.type.empty()) text += " " + italic(option.value.type);
  return text;
}

std::string manual_of(const Command& command) {
  std::string text = fmt::format(".SS tokenlift {}\n{}{}.\n", roff(command.name),
                                 synopsis(command) + ".PP\n", filled(command.help));
  for (const Option& option : command.options) {
    text += item(term_of(option), filled(option.help));
  }
  if (!command.footer.empty()) text += ".PP\n" + literal(command.footer);
  return text;
}

// The language.

std::string joined(const std::vector<std::string>& parts, std::string_view last,
                   std::string_view between = ", ") {
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) text += i + 1 == parts.size() ? last : between;
    text += parts[i];
  }
  return text;
}

std::string within(const char* noun, const Bounds& bounds) {
  return fmt::format("a {} from {:g} to {:g}", noun, bounds.least, bounds.most);
}

/// Empty where the help names them all.
std::string words_of(const LanguageKey& key) {
  if (key.words.size() == 1) return fmt::format("\"{}\"", key.words.front());
  const bool all_named = std::ranges::all_of(key.words, [&](std::string_view word) {
    return key.help.find(word) != std::string_view::npos;
  });
  return all_named ? "" : "one of " + joined({key.words.begin(), key.words.end()}, " or ");
}

/// What a value may be, in words.
std::string kind_of(const LanguageKey& key) {
  using enum Form;
  std::vector<std::string> all;
  const auto add = [&](Form form, std::string words) {
    if (has(key.forms, form) && !words.empty()) all.push_back(std::move(words));
  };
  add(text, "a text");
  add(name, "a name");
  add(word, words_of(key));
  add(texts, "a text or an array of them");
  add(flag, "true or false");
  add(whole, within("whole number", key.bounds));
  add(number, within("number", key.bounds));
  add(duration, "a duration");
  add(cost, "a duration");
  add(rate, "a rate");
  add(power, "a power");
  add(energy, "an energy");
  add(time_of_day, "a time of day");
  add(instant, "a date and time");
  if (!key.table.empty()) {
    const std::string of = fmt::format("({})", language_table(key.table).title);
    add(table, "a table " + of);
    add(tables, "an array of tables " + of);
  }
  add(steps, "an array of pairs");
  add(values, "an array");
  return joined(all, " or ");
}

std::string sentence(std::string text) {
  if (!text.empty() && text.front() >= 'a' && text.front() <= 'z') {
    text.front() = static_cast<char>(text.front() - 'a' + 'A');
  }
  return text.empty() || text.ends_with('.') ? text : text + ".";
}

std::string manual_of(const LanguageKey& key) {
  std::vector<std::string> sentences;
  if (const std::string kind = kind_of(key); !kind.empty()) sentences.push_back(sentence(kind));
  if (!key.help.empty()) {
    const std::string help = plain_text(key.help);
    sentences.push_back(key.help.starts_with('`') ? help + "." : sentence(help));
  }
  if (!key.kinds.empty()) {
    sentences.push_back("Of kind " + joined({key.kinds.begin(), key.kinds.end()}, " or ") + ".");
  }
  if (!key.by_default.empty()) {
    sentences.push_back("Default: " + plain_text(key.by_default) + ".");
  }
  if (key.required) sentences.emplace_back("Required.");
  return item(bold(key.name == "*" ? "NAME" : key.name), filled(joined(sentences, " ", " ")));
}

constexpr const char* kForms =
    "Durations are a number and \\fBns\\fR, \\fBus\\fR, \\fBms\\fR, \\fBs\\fR, \\fBmin\\fR, "
    "\\fBh\\fR or \\fBd\\fR; rates a number per \\fB/s\\fR, \\fB/min\\fR, \\fB/h\\fR or "
    "\\fB/d\\fR, with \\fBk\\fR and \\fBM\\fR.\nBoth are strings: \\(dq15s\\(dq, "
    "\\(dq30000/min\\(dq.\n";

}  // namespace

std::string program_manual(const std::vector<Command>& commands) {
  std::string text = head("tokenlift", 1, "User Commands",
                          "throughput and latency when a throttle on an inference fleet is lifted");
  std::string commands_text;
  text += ".SH SYNOPSIS\n\\fBtokenlift\\fR \\fICOMMAND\\fR [\\fIWORD\\fR...]\n";
  text += section(
      "DESCRIPTION",
      "tokenlift offers token\\-generation load to a fleet of replicas, holds it behind a "
      "throttle,\n"
      "lifts the throttle at a known instant, and reports throughput and latency before, in\n"
      "transition and after.\nThe fleet computes on this machine, is simulated, or is a real "
      "endpoint.\nScenarios are described in \\fBtokenlift\\-scenario\\fR(5).\n");
  for (const Command& command : commands) {
    if (!command.hidden) commands_text += manual_of(command);
  }
  text += section("COMMANDS", commands_text);
  std::string scenarios;
  for (const BuiltinScenario& scenario : builtin_scenarios()) {
    scenarios += item(bold(scenario.name), filled(scenario.description));
  }
  text += section("SCENARIOS", "Built in are:\n" + scenarios);
  text += section("EXIT STATUS", literal(kExitCodes));
  text += section("SEE ALSO", "\\fBtokenlift\\-scenario\\fR(5)\n");
  return text;
}

std::string language_manual() {
  std::string text = head("tokenlift-scenario", 5, "File Formats",
                          "the language in which tokenlift's scenarios are written");
  text += section("DESCRIPTION",
                  "A scenario is a TOML file.\n\\fBtokenlift check lift\\fR prints a whole one.\n" +
                      std::string(kForms));
  std::string keys;
  for (const LanguageTable& table : language_tables()) {
    keys += fmt::format(".SS {}\n", roff(table.name.empty() ? "The file" : table.title));
    if (!table.name.empty() && table.name != table.title) {
      keys += fmt::format("Keys of {}.\n", roff(table.name));
    }
    if (!table.help.empty()) keys += filled(plain_text(table.help)) + "\n";
    for (const LanguageKey& key : table.keys) keys += manual_of(key);
  }
  text += section("KEYS", keys);
  text += section("SEE ALSO", "\\fBtokenlift\\fR(1)\n");
  return text;
}

Command manual_command(std::vector<Command> (*all)()) {
  const auto page = std::make_shared<std::string>();
  Command command{"manual", "print a manual page in man(7)"};
  command.hidden = true;
  command.options = {{"PAGE", one_of(*page, {"tokenlift.1", "tokenlift-scenario.5"}), "which one"}};
  command.run = [page, all](const Surroundings& surroundings) {
    print_result(surroundings, *page == "tokenlift.1" ? program_manual(all()) : language_manual());
    return kDone;
  };
  return command;
}

}  // namespace tokenlift
