#include "workloads/reader/suite_matrix.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "workloads/text/key_path.hpp"

namespace tokenlift {

namespace {

// A value of a table whose keys may be dotted.
struct Leaf {
  std::string key;
  Place key_place;
  const toml::node* node = nullptr;
};

auto position(const Place& place) {
  return std::tuple(place.begin.line, place.begin.column);
}

// TOML makes tables of dotted keys; a table in braces is a value.
void collect(const toml::table& table, const std::string& prefix, std::vector<Leaf>& leaves) {
  for (const auto& [key, node] : table) {
    // A key may hold a whole path, where it is not part of one.
    const std::string name =
        prefix.empty() ? std::string(key.str()) : prefix + path_word(key.str());
    const toml::table* inner = node.as_table();
    if (inner != nullptr && !inner->is_inline()) {
      collect(*inner, name + ".", leaves);
    } else {
      leaves.push_back({name, key.source(), &node});
    }
  }
}

// In the order of the file, which toml++ doesn't keep.
std::vector<Leaf> leaves_of(TableReader& table, std::string_view key) {
  std::vector<Leaf> leaves;
  const toml::node* node = table.find(key);
  if (node == nullptr) return leaves;
  if (const toml::table* inner = node->as_table()) {
    collect(*inner, "", leaves);
  } else {
    table.wrong_type(key, *node, "a table", "{ \"run.duration\" = \"10s\" }");
  }
  std::ranges::stable_sort(leaves, {}, [](const Leaf& leaf) { return position(leaf.key_place); });
  std::erase_if(leaves, [&](const Leaf& leaf) {
    if (find_outside_quotes(leaf.key, "=") == std::string::npos) return false;
    table.document().add(leaf.key_place, in_quotes(leaf.key) + " can't be a key of a scenario");
    return true;
  });
  return leaves;
}

Setting setting(std::string key, const Place& key_place, const toml::node& node) {
  std::string word = key + "=" + value_literal(node);
  return {std::move(key), std::move(word), key_place, node.source()};
}

// Of arrays and tables, which would make long names, the number.
std::string label_of(const toml::node& node, std::size_t index) {
  if (node.is_array() || node.is_table()) return std::to_string(index);
  const auto* number = node.as_floating_point();
  if (number != nullptr && std::isfinite(number->get())) {
    return fit_for_names(format_number(number->get()));
  }
  const auto* string = node.as_string();
  return fit_for_names(string != nullptr ? string->get() : value_literal(node));
}

// { name = ..., set = { ... } }: several keys at once. No key of a scenario has such a table.
const toml::table* group_of(const toml::node& node) {
  const toml::table* table = node.as_table();
  return table != nullptr && table->contains("set") ? table : nullptr;
}

class DimensionReader {
 public:
  explicit DimensionReader(Document& document) : document_(document) {}

  /// The alternatives of a key, from one array.
  void read(const std::string& key, const Place& key_place, const toml::array& array) {
    Dimension dimension{key, "", key_place, {}};
    std::map<std::string, Place> labels;
    for (std::size_t i = 0; i < array.size(); ++i) {
      const toml::node& node = array[i];
      Alternative alternative{label_of(node, i), {}, node.source()};
      if (const toml::table* group = group_of(node)) {
        read_group(key, *group, alternative);
      } else {
        alternative.settings.push_back(setting(key, key_place, node));
      }
      const auto [same, is_new] = labels.try_emplace(alternative.label, alternative.place);
      if (is_new) {
        dimension.alternatives.push_back(std::move(alternative));
      } else {
        twice(key, alternative, same->second);
      }
    }
    if (!dimension.alternatives.empty()) dimensions_.push_back(std::move(dimension));
  }

  std::vector<Dimension> dimensions() && {
    std::ranges::stable_sort(dimensions_, {},
                             [](const Dimension& dim) { return position(dim.place); });
    return std::move(dimensions_);
  }

 private:
  void read_group(const std::string& key, const toml::table& table, Alternative& group) {
    TableReader reader(document_, table, "[[case.matrix." + key + "]]");
    group.label = fit_for_names(reader.name_apart_from({}));
    group.settings = read_settings(reader, "set");
    reader.finish();
  }

  void twice(const std::string& key, const Alternative& alternative, const Place& first) {
    document_.add(alternative.place,
                  "in names " + in_quotes(key) + " would be " + in_quotes(alternative.label) +
                      " twice: here and in " + line_and_column(first),
                  "leave one out, or name them: { name = \"...\", set = { ... } }");
  }

  Document& document_;
  std::vector<Dimension> dimensions_;
};

bool ends_with_part(std::string_view key, std::string_view end) {
  return key == end || (key.ends_with(end) && key[key.size() - end.size() - 1] == '.');
}

// The whole key if it is itself the end of another one.
std::string_view shortest_end(const std::vector<Dimension>& dimensions, std::string_view key) {
  for (std::size_t dot = key.rfind('.'); dot != std::string_view::npos && dot > 0;
       dot = key.rfind('.', dot - 1)) {
    const std::string_view end = key.substr(dot + 1);
    const auto has_end = [&](const Dimension& other) { return ends_with_part(other.key, end); };
    if (!end.empty() && std::ranges::count_if(dimensions, has_end) == 1) return end;
  }
  return key;
}

}  // namespace

std::string line_and_column(const Place& place) {
  return "line " + std::to_string(place.begin.line) + ", column " +
         std::to_string(place.begin.column);
}

std::string fit_for_names(std::string_view text) {
  std::string name(text.empty() ? "_" : text);
  for (char& c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!plain && c != '_' && c != '-' && c != '.') c = '_';
  }
  return name;
}

std::vector<Setting> read_settings(TableReader& table, std::string_view key) {
  std::vector<Setting> settings;
  for (const Leaf& leaf : leaves_of(table, key)) {
    settings.push_back(setting(leaf.key, leaf.key_place, *leaf.node));
  }
  return settings;
}

std::vector<Dimension> read_dimensions(TableReader& table, std::vector<Setting>& settings) {
  DimensionReader reader(table.document());
  const toml::node* engine = table.find("engine");
  if (table.texts("engine")) {
    const Place key_place = table.key_place("engine");
    if (const toml::array* engines = engine->as_array()) {
      reader.read("run.engine", key_place, *engines);
    } else {
      settings.push_back(setting("run.engine", key_place, *engine));
    }
  }
  for (const Leaf& leaf : leaves_of(table, "matrix")) {
    const toml::array* values = leaf.node->as_array();
    if (values != nullptr && !values->empty()) {
      reader.read(leaf.key, leaf.key_place, *values);
    } else {
      table.document().add(
          leaf.node->source(),
          in_quotes(leaf.key) + (values == nullptr ? " is one value, and a matrix has arrays"
                                                   : " has no value, so there is no case"),
          "write [...] with one value or more; what is the same in all cases "
          "belongs to set = { ... }");
    }
  }
  std::vector<Dimension> dimensions = std::move(reader).dimensions();
  for (Dimension& dimension : dimensions) {
    dimension.label = fit_for_names(shortest_end(dimensions, dimension.key));
  }
  return dimensions;
}

std::size_t count_combinations(const std::vector<Dimension>& dimensions, std::size_t most) {
  std::size_t count = 1;
  for (const Dimension& dimension : dimensions) {
    count = std::min(count * std::min(dimension.alternatives.size(), most + 1), most + 1);
  }
  return count;
}

std::vector<const Alternative*> combination(const std::vector<Dimension>& dimensions,
                                            std::size_t index) {
  std::vector<const Alternative*> chosen(dimensions.size());
  for (std::size_t i = dimensions.size(); i-- > 0;) {
    const std::vector<Alternative>& alternatives = dimensions[i].alternatives;
    chosen[i] = &alternatives[index % alternatives.size()];
    index /= alternatives.size();
  }
  return chosen;
}

}  // namespace tokenlift
