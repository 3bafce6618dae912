#include "bench/command/completion.hpp"

#include <algorithm>
#include <exception>
#include <memory>
#include <string_view>
#include <utility>

#include "bench/command/input.hpp"
#include "workloads/reader/catalogue.hpp"
#include "workloads/reference/settable.hpp"

namespace tokenlift {

namespace {

/// What an option, or a word by its place, can be.
struct Completes {
  std::vector<std::string> words = {};
  bool files = false;
  bool folders = false;
  bool keys = false;  ///< those of the scenario that the line names
};

template <typename Named>
std::vector<std::string> names_of(const std::vector<Named>& things) {
  std::vector<std::string> names;
  names.reserve(things.size());
  for (const Named& thing : things) names.push_back(thing.name);
  return names;
}

/// The words of "{text,json}"; none where the type is another.
std::vector<std::string> listed_words(std::string_view type) {
  std::vector<std::string> words;
  if (!type.starts_with('{')) return words;
  type = type.substr(1, type.size() - 2);
  for (std::size_t begin = 0; begin <= type.size();) {
    const std::size_t end = std::min(type.find(',', begin), type.size());
    words.emplace_back(type.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

Completes what_completes(const Command& command, const Option& option) {
  const std::string& type = option.value.type;
  const std::string& noun = is_by_place(option) ? option.name : type;
  if (noun == "SCENARIO") return {.words = names_of(builtin_scenarios()), .files = true};
  if (noun == "SUITE") return {.words = names_of(builtin_suites()), .files = true};
  if (noun == "PROFILE" || command.name == "profiles") {
    return {.words = names_of(builtin_profiles())};
  }
  if (command.name == "scenarios") return {.words = names_of(builtin_scenarios())};
  if (command.name == "suites") return {.words = names_of(builtin_suites())};
  if (type == "KEY=VALUE") return {.keys = true};
  if (std::vector<std::string> words = listed_words(type); !words.empty()) {
    return {.words = std::move(words)};
  }
  if (noun == "FOLDER") return {.folders = true};
  return {.files = noun == "FILE" || is_by_place(option)};
}

/// What all words by their place can be, together.
Completes of_places(const Command& command) {
  Completes all;
  for (const Option& option : command.options) {
    if (!is_by_place(option)) continue;
    const Completes one = what_completes(command, option);
    all.words.insert(all.words.end(), one.words.begin(), one.words.end());
    all.files = all.files || one.files;
  }
  return all;
}

/// In single quotes, for a shell; `escape` is how a single quote stands in them.
std::string in_single_quotes(std::string_view text, std::string_view escape = "'\\''") {
  std::string all = "'";
  for (const char c : text) {
    if (c == '\'') {
      all += escape;
    } else {
      all += c;
    }
  }
  return all + "'";
}

/// The first sentence, or what stands before the first semicolon.
std::string short_help(const std::string& help) {
  std::size_t end = help.find(';');
  for (const char* stop : {". ", " ("}) end = std::min(end, help.find(stop));
  return help.substr(0, end);
}

std::vector<Command> shown(const std::vector<Command>& commands) {
  std::vector<Command> those;
  for (const Command& command : commands) {
    if (!command.hidden) those.push_back(command);
  }
  return those;
}

// bash

constexpr const char* kBashHead =
    R"(# bash completion for tokenlift; made by `tokenlift completion bash`

_tokenlift() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} key
  local words='' options='' files='' folders='' keys=''
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    mapfile -t COMPREPLY < <(compgen -W ")";

constexpr const char* kBashTail = R"(  esac
  if [[ $keys ]]; then
    while IFS=$'\t' read -r key _; do
      [[ $key == "$cur"* ]] && COMPREPLY+=("$(printf %q "$key")=")
    done < <("${COMP_WORDS[0]}" keys -- "${COMP_WORDS[@]:2}" 2>/dev/null)
    compopt -o nospace 2>/dev/null
  elif [[ $cur == -* && $options ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options --help" -- "$cur")
  else
    mapfile -t COMPREPLY < <(
      compgen -W "$words" -- "$cur"
      if [[ $files ]]; then compgen -f -- "$cur"; fi
      if [[ $folders ]]; then compgen -d -- "$cur"; fi
    )
    [[ $files || $folders ]] && compopt -o filenames 2>/dev/null
  fi
  return 0
}
complete -F _tokenlift tokenlift
)";

std::string bash_sets(const Completes& completes) {
  std::string text;
  if (!completes.words.empty()) {
    text += fmt::format(" words='{}'", fmt::join(completes.words, " "));
  }
  if (completes.files) text += " files=1";
  if (completes.folders) text += " folders=1";
  if (completes.keys) text += " keys=1";
  return text.empty() ? " :" : text;
}

std::string bash_script(const std::vector<Command>& commands) {
  std::string text = kBashHead;
  for (const Command& command : commands) text += command.name + " ";
  text +=
      "help version --help --version\" -- \"$cur\")\n    return 0\n  fi\n  case ${COMP_WORDS[1]} "
      "in\n";
  for (const Command& command : commands) {
    text += fmt::format("    {})\n      case $prev in\n", command.name);
    std::string options;
    for (const Option& option : command.options) {
      if (is_by_place(option)) continue;
      options += (options.empty() ? "" : " ") + option.name;
      if (option.value.flag) continue;
      text += fmt::format("        {}){} ;;\n", option.name,
                          bash_sets(what_completes(command, option)));
    }
    text += fmt::format("        *) options='{}'{} ;;\n      esac\n      ;;\n", options,
                        bash_sets(of_places(command)));
  }
  return text + kBashTail;
}

// zsh

constexpr const char* kZshHead = R"(#compdef tokenlift
# zsh completion for tokenlift; made by `tokenlift completion zsh`

_tokenlift_keys() {
  local -a keys
  keys=("${(@f)$("$words[1]" keys -- "${(@)words[3,-1]}" 2>/dev/null)}")
  compadd -S = -- "${(@)keys%%$'\t'*}"
}

_tokenlift() {
  local -a those
  if ((CURRENT == 2)); then
    those=(
)";

constexpr const char* kZshTail = R"(  esac
}

if [[ $funcstack[1] == _tokenlift ]]; then
  _tokenlift "$@"
else
  compdef _tokenlift tokenlift
fi
)";

/// "name:help" of _describe.
std::string described(const std::string& name, const std::string& help) {
  std::string text;
  for (const char c : name) text += c == ':' ? std::string("\\:") : std::string(1, c);
  return in_single_quotes(text + ":" + short_help(help));
}

std::string zsh_adds(const Completes& completes) {
  std::string text;
  if (!completes.words.empty()) {
    text += fmt::format("compadd -- {}; ", fmt::join(completes.words, " "));
  }
  if (completes.files) text += "_files; ";
  if (completes.folders) text += "_files -/; ";
  if (completes.keys) text += "_tokenlift_keys; ";
  return text;
}

std::string zsh_script(const std::vector<Command>& commands) {
  std::string text = kZshHead;
  for (const Command& command : commands) {
    text += fmt::format("      {}\n", described(command.name, command.help));
  }
  text += "    )\n    _describe command those\n    return\n  fi\n  case $words[2] in\n";
  for (const Command& command : commands) {
    text += fmt::format("    {})\n      case $words[CURRENT-1] in\n", command.name);
    std::string options;
    for (const Option& option : command.options) {
      if (is_by_place(option)) continue;
      options += fmt::format("        {}\n", described(option.name, option.help));
      if (option.value.flag) continue;
      text += fmt::format("        {}) {}return ;;\n", option.name,
                          zsh_adds(what_completes(command, option)));
    }
    text += fmt::format(
        "      esac\n      if [[ $PREFIX == -* ]]; then\n        those=(\n{}        "
        "'--help:its options'\n        )\n        _describe option those\n        return\n"
        "      fi\n      {}\n      ;;\n",
        options, zsh_adds(of_places(command)));
  }
  return text + kZshTail;
}

// fish

constexpr const char* kFishHead =
    R"(# fish completion for tokenlift; made by `tokenlift completion fish`

function __tokenlift_keys
    set -l line (commandline -opc)
    $line[1] keys -- $line[3..-1] 2>/dev/null | string replace -r '\t' '=\t'
end

complete -c tokenlift -f
complete -c tokenlift -n __fish_use_subcommand -l help -d 'what there is'
complete -c tokenlift -n __fish_use_subcommand -l version -d 'which one this is'
)";

std::string fish_quoted(std::string_view text) {
  return in_single_quotes(text, "\\'");
}

/// What follows `complete -c tokenlift -n ... [-l option]`.
std::string fish_takes(const Completes& completes, bool by_place) {
  std::string text = completes.files || completes.folders ? " -F" : by_place ? "" : " -x";
  if (!by_place && (completes.files || completes.folders)) text = " -r" + text;
  if (!completes.words.empty()) {
    text += fmt::format(" -a '{}'", fmt::join(completes.words, " "));
  }
  if (completes.keys) text += " -a '(__tokenlift_keys)'";
  return text;
}

std::string fish_script(const std::vector<Command>& commands) {
  std::string text = kFishHead;
  for (const Command& command : commands) {
    text += fmt::format("complete -c tokenlift -n __fish_use_subcommand -a {} -d {}\n",
                        command.name, fish_quoted(short_help(command.help)));
  }
  for (const Command& command : commands) {
    const std::string of =
        fmt::format("\ncomplete -c tokenlift -n '__fish_seen_subcommand_from {}'", command.name);
    const std::string places = fish_takes(of_places(command), true);
    if (!places.empty()) text += of + places;
    for (const Option& option : command.options) {
      if (is_by_place(option)) continue;
      text += fmt::format("{} -l {}", of, option.name.substr(2));
      if (!option.value.flag) text += fish_takes(what_completes(command, option), false);
      text += " -d " + fish_quoted(short_help(option.help));
    }
    text += "\n";
  }
  return text;
}

/// The keys of the first word that names a scenario; empty where none does, or it is wrong.
std::string keys_of_first(const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    if (word.empty() || word.starts_with('-')) continue;
    ScenarioChoice choice;
    choice.reference = word;
    std::string text;
    try {
      for (const SettableKey& key : settable_keys(load_scenario(choice, {}))) {
        text += fmt::format("{}\t{}\n", key.path, short_help(key.help));
      }
      return text;
    } catch (const std::exception&) {  // a value of an option, or a scenario that is not yet right
      continue;
    }
  }
  return "";
}

}  // namespace

std::string completion_script(const std::vector<Command>& commands, const std::string& shell) {
  if (shell == "zsh") return zsh_script(shown(commands));
  if (shell == "fish") return fish_script(shown(commands));
  return bash_script(shown(commands));
}

Command completion_command(std::vector<Command> (*all)()) {
  const auto shell = std::make_shared<std::string>();
  Command command{"completion", "print what bash, zsh or fish need to complete its words"};
  command.options = {{"SHELL", one_of(*shell, {"bash", "zsh", "fish"}),
                      "for bash: source <(tokenlift completion bash)"}};
  command.run = [shell, all](const Surroundings& surroundings) {
    print_result(surroundings, completion_script(all(), *shell));
    return kDone;
  };
  return command;
}

Command keys_command() {
  const auto words = std::make_shared<std::vector<std::string>>();
  Command command{"keys", "list the keys that --set can change in a scenario"};
  command.hidden = true;
  command.options = {
      {"WORD", texts(*words, "TEXT"), "the first that names a scenario counts", {}, {}, true}};
  command.run = [words](const Surroundings& surroundings) {
    print_result(surroundings, keys_of_first(*words));
    return kDone;
  };
  return command;
}

}  // namespace tokenlift
