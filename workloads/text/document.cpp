#include "workloads/text/document.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <memory>
#include <optional>
#include <sstream>
#include <tuple>
#include <utility>

#include "workloads/text/key_path.hpp"
#include "workloads/text/quantity.hpp"
#include "workloads/text/secret.hpp"
#include "workloads/text/utf8.hpp"

namespace tokenlift {

namespace {

// Tables of which there can be several.
constexpr std::array<std::string_view, 4> kArrays = {"site", "tenant", "throttle", "event"};

// The lines of a text as they are shown, for mistakes in the order of their lines: a line with many
// mistakes, which may be all of the text, is looked at once.
class ShownLines {
 public:
  explicit ShownLines(std::string_view text) : rest_(text) {}

  // toml++ counts some line breaks that editors don't, so the line is brought into the text; and
  // columns behind the end of a line. What tells a secret may stand far before what is shown.
  void place(Mistake& mistake) {
    std::size_t end = rest_.find('\n');
    for (; line_ < mistake.line && end != std::string_view::npos; ++line_) {
      rest_.remove_prefix(end + 1);
      end = rest_.find('\n');
      shown_.reset();
    }
    if (!shown_) {
      std::string_view content = rest_.substr(0, end);
      if (content.ends_with('\r')) content.remove_suffix(1);
      shown_ = without_secrets(content);
    }
    mistake.line = line_;
    mistake.column = std::max(mistake.column, 1);
    take_excerpt(mistake, *shown_);
  }

 private:
  std::string_view rest_;  // from the line on
  int line_ = 1;
  std::optional<std::string> shown_;
};

const std::string kTooDeep =
    "tables or arrays stand more than " + std::to_string(kDeepestTable) + " deep in each other";

// Where tables or arrays stand deeper in each other than they may, by brackets or by the words of a
// dotted key; npos if they do nowhere. It need not be TOML yet: whatever stands between full stops,
// but for what ends a key, is a word.
std::size_t find_too_deep(std::string_view text) {
  std::size_t stops = 0;
  std::size_t open = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '.') {
      if (++stops >= kDeepestTable) return i;
    } else if (c == '"' || c == '\'') {
      const std::string_view three = text.substr(i, 3);
      const bool long_quotes = three.size() == 3 && three[1] == c && three[2] == c;
      const std::string_view quotes = long_quotes ? three : three.substr(0, 1);
      std::size_t end = i + quotes.size();
      for (; end < text.size() && text.substr(end, quotes.size()) != quotes; ++end) {
        if (text[end] == '\\' && c == '"') ++end;
        if (!long_quotes && end < text.size() && text[end] == '\n') break;
      }
      i = end + quotes.size() - 1;
    } else if (c == '#') {
      i = std::min(text.find('\n', i), text.size());
      stops = 0;
    } else if (std::string_view("\n=[]{},").find(c) != std::string_view::npos) {
      stops = 0;
      if (c == '[' || c == '{') ++open;
      if ((c == ']' || c == '}') && open > 0) --open;
      if (open > kDeepestTable) return i;
    }
  }
  return std::string_view::npos;
}

Place place_of(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const auto line = static_cast<toml::source_index>(1 + std::ranges::count(before, '\n'));
  const std::string_view in_line = before.substr(before.rfind('\n') + 1);  // npos + 1 is 0
  const auto column = static_cast<toml::source_index>(1 + count_code_points(in_line));
  return {{line, column}, {line, column}, nullptr};
}

// A message or an advice that is no longer than need be to be understood.
std::string shortened(std::string text) {
  if (text.size() <= kLongestMessage) return text;
  text.resize(beginning_of(text, kLongestMessage).size());
  return text + "...";
}

// A code point of at most three bytes as both TOML and JSON escape it.
std::string escaped(std::string_view point) {
  constexpr std::string_view kHex = "0123456789abcdef";
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(point[i]); };
  unsigned number = byte(0);
  if (point.size() == 2) number = (number & 0x1fU) << 6 | (byte(1) & 0x3fU);
  if (point.size() == 3)
    number = (number & 0xfU) << 12 | (byte(1) & 0x3fU) << 6 | (byte(2) & 0x3fU);
  std::string text = "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) text += kHex[number >> shift & 15];
  return text;
}

// Those of another file stay as they came.
constexpr auto kOrder = [](const auto& found) {
  const bool elsewhere = found.rank == 1;
  return std::tuple(found.rank, elsewhere ? 0 : found.mistake.line,
                    elsewhere ? 0 : found.mistake.column);
};

// The node of the only key of "v    =LITERAL", where the padding puts LITERAL at `column` (3 or
// more), so that places in it are places in the override's word. Null if LITERAL is not one value.
std::unique_ptr<toml::table> parse_literal(std::string_view literal, std::size_t column,
                                           std::string_view source_path) {
  std::string text = "v" + std::string(column - 3, ' ') + "=";
  text += literal;
  if (find_too_deep(text) != std::string::npos) return nullptr;
  try {
    auto table = std::make_unique<toml::table>(toml::parse(text, source_path));
    if (table->size() != 1 || table->begin()->first.str() != "v") return nullptr;
    return table;
  } catch (const toml::parse_error&) {
    return nullptr;
  }
}

// Moves keep a node's place, copies lose it.
void put(toml::table& table, std::string_view name, const Place& place, toml::table& parsed) {
  parsed.begin()->second.visit(
      [&](auto& node) { table.insert_or_assign(toml::key(name, place), std::move(node)); });
}

// Of keys that exclude each other, the override's replaces the others.
void remove_excluded_keys(toml::table& table, std::string_view name, const toml::node& value) {
  constexpr std::array<std::string_view, 3> kLimits = {"rate", "load", "limit"};
  constexpr std::array<std::string_view, 12> kActions = {"lift",  "set",     "restore", "ramp",
                                                         "join",  "leave",   "fail",    "slow",
                                                         "power", "battery", "call",    "command"};
  constexpr std::array<std::string_view, 2> kAmounts = {"replicas", "share"};
  constexpr std::array<std::string_view, 2> kKeys = {"key_env", "key_file"};
  const auto remove_others = [&](const auto& excluding) {
    if (std::ranges::find(excluding, name) == excluding.end()) return;
    for (const std::string_view other : excluding) {
      if (other != name) table.erase(other);
    }
  };
  remove_others(kLimits);
  remove_others(kActions);
  remove_others(kAmounts);
  remove_others(kKeys);
  if (name == "when_full" && value.value<std::string>() == "reject") table.erase("max_wait");
}

std::optional<std::size_t> index_of(std::string_view word) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), index);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return index;
}

// The table of that name or index; null if there is none. `Array` may be const.
template <typename Array>
auto element(Array& array, std::string_view word) -> decltype(array[0].as_table()) {
  for (auto& node : array) {
    auto* table = node.as_table();
    if (table != nullptr && table->at_path("name").template value<std::string>() == word)
      return table;
  }
  const std::optional<std::size_t> index = index_of(word);
  return index && *index < array.size() ? array[*index].as_table() : nullptr;
}

// A whole table takes the place of an element, or comes behind the last one. False if it can't.
bool put_element(toml::array& array, std::string_view word, toml::node& value) {
  toml::table* table = value.as_table();
  if (table == nullptr || !array.is_array_of_tables()) return false;
  if (toml::table* there = element(array, word)) {
    *there = std::move(*table);
    return true;
  }
  if (index_of(word) != array.size()) return false;
  array.push_back(std::move(*table));
  return true;
}

std::string advice_for_elements(const toml::array& array, std::string_view word) {
  std::vector<std::string> names;
  for (const toml::node& node : array) {
    const toml::table* table = node.as_table();
    if (table == nullptr) continue;
    if (const auto name = table->at_path("name").value<std::string>()) names.push_back(*name);
  }
  if (!names.empty()) return suggest(word, names);
  return array.empty() ? "" : "elements are numbered from 0 to " + std::to_string(array.size() - 1);
}

}  // namespace

std::string override_source(const std::string& word) {
  return "--set " + without_secrets(word);
}

// toml++ writes tables so within arrays alone.
std::string value_literal(const toml::node& node) {
  toml::array wrapped;
  wrapped.push_back(node);
  std::ostringstream text;
  text << toml::toml_formatter(wrapped, toml::format_flags::none);
  const std::string written = text.str();
  const std::size_t begin = written.find('[') + 1;
  std::string value = written.substr(begin, written.rfind(']') - begin);
  std::ranges::replace(value, '\n', ' ');  // strings have theirs escaped
  value.erase(0, value.find_first_not_of(' '));
  value.erase(value.find_last_not_of(" ,") + 1);
  return value;
}

std::string override_value(const toml::node& node) {
  if (const auto* number = node.as_floating_point(); number && std::isfinite(number->get())) {
    return format_number(number->get());
  }
  const auto* string = node.as_string();
  if (string == nullptr) return value_literal(node);
  return reads_as_toml(string->get()) ? string_literal(string->get()) : string->get();
}

std::string string_literal(std::string_view text) {
  std::string literal = "\"";
  const std::string valid = with_replacements(text);
  for (std::string_view rest = valid; !rest.empty();) {
    const std::string_view point = rest.substr(0, code_point_bytes(rest));
    rest.remove_prefix(point.size());
    if (point == "\"" || point == "\\") {
      literal += '\\';
      literal += point;
    } else if (point == "\n") {
      literal += "\\n";
    } else if (moves_cursor(point) || turns_direction(point)) {
      literal += escaped(point);
    } else {
      literal += point;
    }
  }
  return literal + "\"";
}

bool reads_as_toml(std::string_view value) {
  return parse_literal(value, 3, "") != nullptr;
}

const toml::node* find_value(const toml::table& root, std::string_view path) {
  const toml::node* node = &root;
  while (node != nullptr) {
    const std::string_view word = word_at(path, 0);
    const std::string name = name_of_word(word);
    const toml::table* table = node->as_table();
    const toml::array* array = node->as_array();
    node = table != nullptr ? table->get(name) : array != nullptr ? element(*array, name) : nullptr;
    if (word.size() == path.size()) break;
    path.remove_prefix(word.size() + 1);
  }
  return node;
}

Document::Document(std::string_view text, std::string source_name,
                   const std::vector<std::string>& overrides) {
  sources_.push_back({std::move(source_name), std::string(text)});
  for (const std::string& word : overrides) sources_.push_back({override_source(word), word});
  if (text.size() > kMostDocumentBytes) {
    sources_.front().text.clear();
    note({0,
          0,
          {sources_.front().name, 0, 0,
           "the text is larger than " + std::to_string(kMostDocumentBytes >> 20) + " MiB",
           "many requests are a trace: name its file in arrivals", ""}});
    throw_mistakes();
  }
  if (const std::size_t deep = find_too_deep(text); deep != std::string_view::npos) {
    add(place_of(text, deep), kTooDeep);
    throw_mistakes();
  }
  try {
    root_ = toml::parse(text);
  } catch (const toml::parse_error& error) {
    add(error.source(), std::string(error.description()));
    throw_mistakes();
  }
  for (std::size_t i = 1; i < sources_.size(); ++i) apply(i);
}

void Document::add(const Place& place, const std::string& message, const std::string& advice) {
  std::size_t index = 0;
  if (place.path && !place.path->empty()) {
    std::from_chars(place.path->data(), place.path->data() + place.path->size(), index);
  }
  note({index == 0 ? 0 : index + 1, index,
        Mistake{sources_.at(index).name, static_cast<int>(place.begin.line),
                static_cast<int>(place.begin.column), shortened(without_secrets(message)),
                shortened(without_secrets(advice)), ""}});
}

void Document::add_conflict(const Place& place, const std::string& message,
                            const std::string& advice) {
  const std::size_t before = found_.size();
  add(place, message, advice);
  if (found_.size() > before) found_.back().mistake.conflicts = true;
}

void Document::add(const std::vector<Mistake>& mistakes) {
  for (const Mistake& mistake : mistakes) note({1, 0, mistake});
}

void Document::note(Found found) {
  ++count_;
  // Two tenants replay one trace, say.
  const auto is_same = [&](const Found& other) {
    return kOrder(found) == kOrder(other) && found.mistake.message == other.mistake.message &&
           found.mistake.source == other.mistake.source && found.mistake.line == other.mistake.line;
  };
  if (std::ranges::any_of(found_, is_same)) {
    ++repeated_;
    return;
  }
  found_.push_back(std::move(found));
  if (found_.size() < 4 * kMostMistakes) return;
  std::ranges::stable_sort(found_, {}, kOrder);
  found_.resize(kMostMistakes);
}

void Document::throw_mistakes() const {
  if (found_.empty()) return;
  std::vector<Found> ordered = found_;
  std::ranges::stable_sort(ordered, {}, kOrder);
  ordered.resize(std::min(ordered.size(), kMostMistakes));
  std::vector<Mistake> mistakes;
  mistakes.reserve(ordered.size());
  std::optional<ShownLines> lines;
  std::size_t lines_of = 0;
  for (const Found& found : ordered) {
    mistakes.push_back(found.mistake);
    if (found.rank == 1 || found.mistake.line == 0) continue;
    if (!lines || lines_of != found.index) lines.emplace(sources_.at(found.index).text);
    lines_of = found.index;
    lines->place(mistakes.back());
  }
  throw ScenarioError(std::move(mistakes), count_ - repeated_ - ordered.size());
}

void Document::apply(std::size_t index) {
  const std::string& word = sources_[index].text;
  const std::string path_name = std::to_string(index);
  const auto path = std::make_shared<const std::string>(path_name);
  const auto place_at = [&](std::size_t offset) {
    const auto column = static_cast<toml::source_index>(
        1 + count_code_points(std::string_view(word).substr(0, offset)));
    return Place{{1, column}, {1, column}, path};
  };
  const std::size_t equals = find_outside_quotes(word, "=");
  if (equals == std::string::npos || equals == 0) {
    add(place_at(0), "an override is KEY=VALUE", "for example run.duration=10s");
    return;
  }
  if (find_too_deep(std::string_view(word).substr(0, equals)) != std::string::npos) {
    add(place_at(0), kTooDeep);
    return;
  }
  const std::string_view value = std::string_view(word).substr(equals + 1);
  const std::size_t value_column = place_at(equals + 1).begin.column;
  toml::node* node = &root_;
  for (std::size_t begin = 0;;) {
    const std::string_view path_part = word_at(std::string_view(word).substr(0, equals), begin);
    const std::size_t end = begin + path_part.size();
    const std::string name = name_of_word(path_part);
    const Place place = place_at(begin);
    if (toml::array* array = node->as_array()) {
      toml::table* table = element(*array, name);
      if (end == equals) {
        const std::unique_ptr<toml::table> parsed = parse_literal(value, value_column, path_name);
        if (parsed && put_element(*array, name, parsed->begin()->second)) return;
      }
      if (table == nullptr || end == equals) {
        add(place,
            table == nullptr ? "there is no " + in_quotes(name) + " here"
                             : "this is a whole table, not a key of it",
            table == nullptr ? advice_for_elements(*array, name)
                             : "add .KEY, or give all of it: { KEY = VALUE, ... }");
        return;
      }
      node = table;
    } else if (toml::table* table = node->as_table()) {
      if (end == equals) {
        std::unique_ptr<toml::table> parsed = parse_literal(value, value_column, path_name);
        if (!parsed) parsed = parse_literal(string_literal(value), value_column, path_name);
        remove_excluded_keys(*table, name, parsed->begin()->second);
        put(*table, name, place, *parsed);
        return;
      }
      node = table->get(name);
      if (node == nullptr && std::ranges::find(kArrays, name) != kArrays.end()) {
        add(place, "there is no [[" + word.substr(0, end) + "]] to change",
            "an override changes a table that is there; add it to the scenario");
        return;
      }
      if (node == nullptr) {
        put(*table, name, place, *parse_literal("{}", value_column, path_name));
        node = table->get(name);
      }
    } else {
      add(place, in_quotes(name) + " can't be set: what stands before it is a plain value");
      return;
    }
    begin = end + 1;
  }
}

}  // namespace tokenlift
