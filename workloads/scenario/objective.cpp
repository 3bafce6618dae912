#include "workloads/scenario/objective.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <optional>
#include <utility>

#include "workloads/text/ascii.hpp"
#include "workloads/text/key_path.hpp"
#include "workloads/text/mistake.hpp"

namespace tokenlift {

namespace {

// Those of two letters first: "<=" begins with "<".
constexpr std::array<std::pair<std::string_view, Relation>, 6> kRelations = {
    {{"<=", Relation::at_most},
     {">=", Relation::at_least},
     {"==", Relation::equal},
     {"!=", Relation::unequal},
     {"<", Relation::below},
     {">", Relation::above}}};

constexpr std::string_view kAdvice =
    R"(write a figure, one of <=, <, >=, >, == and !=, and a number, )"
    R"(for example "ttft.p99_ms.after <= 500")";

Quantity<Objective> failure(std::string problem, std::string_view advice) {
  return {std::nullopt, std::move(problem), std::string(advice)};
}

}  // namespace

Quantity<Objective> parse_objective(std::string_view text) {
  Objective objective;
  objective.text = text;
  const std::size_t at = find_outside_quotes(text, "<>=!");
  objective.path = trimmed(text.substr(0, at));
  if (at == std::string_view::npos) {
    return failure(in_quotes(text) + " compares nothing", kAdvice);
  }
  if (objective.path.empty()) return failure(in_quotes(text) + " names no figure", kAdvice);
  for (const auto& [name, relation] : kRelations) {
    if (!text.substr(at).starts_with(name)) continue;
    objective.relation = relation;
    const std::string_view number = trimmed(text.substr(at + name.size()));
    const auto [end, error] =
        std::from_chars(number.data(), number.data() + number.size(), objective.bound);
    if (number.empty() || error != std::errc() || end != number.data() + number.size() ||
        !std::isfinite(objective.bound)) {
      return failure(in_quotes(number) + " is not a number",
                     "a bound is a plain number; its unit is that of the figure: "
                     "\"ttft.p99_ms.after <= 500\" is in ms");
    }
    return {std::move(objective), "", ""};
  }
  return failure(in_quotes(text) + " has an unknown comparison", kAdvice);
}

bool is_met(const Objective& objective, double figure) {
  if (std::isnan(figure)) return false;
  switch (objective.relation) {
    case Relation::at_most:
      return figure <= objective.bound;
    case Relation::below:
      return figure < objective.bound;
    case Relation::at_least:
      return figure >= objective.bound;
    case Relation::above:
      return figure > objective.bound;
    case Relation::equal:
      return figure == objective.bound;
    case Relation::unequal:
      return figure != objective.bound;
  }
  return false;
}

}  // namespace tokenlift
