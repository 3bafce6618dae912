#include "bench/wire/server_gauges.hpp"

namespace tokenlift {

namespace {

constexpr std::string_view name_of(LimitFigure figure) {
  switch (figure) {
    case LimitFigure::limit:
      return "limit";
    case LimitFigure::remaining:
      return "remaining";
    case LimitFigure::reset_ms:
      break;
  }
  return "reset_ms";
}

constexpr std::string_view name_of(LimitUnit unit) {
  switch (unit) {
    case LimitUnit::requests:
      return "requests";
    case LimitUnit::tokens:
      return "tokens";
    case LimitUnit::input_tokens:
      return "input_tokens";
    case LimitUnit::output_tokens:
      break;
  }
  return "output_tokens";
}

/// What was said last holds on.
void extend(std::vector<std::int64_t>& values, std::size_t bins) {
  if (values.size() >= bins) return;
  values.resize(bins, values.empty() ? ServerColumn::kNotSaid : values.back());
}

}  // namespace

void ServerGauges::note(std::size_t site, std::string_view figure, std::int64_t at_ns,
                        std::int64_t value) {
  std::vector<std::int64_t>& values = values_[{site, std::string(figure)}];
  const std::size_t bin = grid_.bin_at(at_ns);
  extend(values, bin + 1);
  values[bin] = value;
}

void ServerGauges::note(std::size_t site, std::int64_t at_ns,
                        const std::vector<LimitReading>& readings) {
  for (const LimitReading& reading : readings) {
    std::string figure(name_of(reading.figure));
    figure.append(".").append(name_of(reading.unit));
    note(site, figure, at_ns, reading.value);
  }
}

std::vector<ServerColumn> ServerGauges::columns(std::int64_t end_ns) const {
  const std::size_t bins = bins_until(end_ns, grid_.bin_ns, grid_.bins);
  std::vector<ServerColumn> columns;
  for (const auto& [key, said] : values_) {
    ServerColumn column{sites_[key.first], key.second, said};
    extend(column.values, bins);
    column.values.resize(bins);
    columns.push_back(std::move(column));
  }
  return columns;
}

}  // namespace tokenlift
