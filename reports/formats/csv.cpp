#include "reports/formats/csv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "reports/record/run.hpp"
#include "reports/text/csv_text.hpp"

namespace tokenlift {
namespace {

struct Source {
  std::string label;
  const char* arm;
  const Run* run;
};

std::string number(double value) {
  return fmt::format("{}", value);
}

/// Where the columns of all runs stand in a row, in the order in which they were met.
class Header {
 public:
  std::size_t place_of(const std::string& name) {
    const auto [found, added] = places_.emplace(name, names_.size());
    if (added) names_.push_back(csv_name(name));
    return found->second;
  }
  /// As fields.
  const std::vector<std::string>& names() const { return names_; }

 private:
  std::map<std::string, std::size_t> places_;
  std::vector<std::string> names_;
};

std::string phase_at(const Run& run, std::int64_t time_ns) {
  for (const PhaseSpan& phase : run.phases) {
    if (phase.begin_ns <= time_ns && time_ns < phase.end_ns) return csv_name(phase.name);
  }
  return "";
}

std::string limit_before(const std::vector<LimitRecord>& limits, std::int64_t time_ns) {
  const auto after =
      std::partition_point(limits.begin(), limits.end(),
                           [&](const LimitRecord& record) { return record.at_ns < time_ns; });
  if (after == limits.begin() || !std::prev(after)->limit) return "";
  return number(*std::prev(after)->limit);
}

std::size_t bins_of(const Run& run) {
  std::size_t bins = 0;
  for (const Column& column : run.series.columns) bins = std::max(bins, column.values.size());
  return bins;
}

/// The columns of one run, each with its place and what it holds in a bin.
class Columns {
 public:
  Columns(const Run& run, Header& header) : run_(run) {
    for (const Column& column : run.series.columns) add(header.place_of(column.name), column);
    for (const ThrottleRecord& throttle : run.throttles) {
      if (throttle.limits.empty()) continue;
      limits_.emplace_back(header.place_of("limit:" + throttle.name), &throttle.limits);
    }
    if (run.wire) {
      for (const ServerColumn& column : run.wire->server) {
        said_.emplace_back(header.place_of("server:" + column.site + ":" + column.figure),
                           &column.values);
      }
    }
    for (const TenantRecord& tenant : run.tenants) {
      for (const Column& column : tenant.columns) {
        add(header.place_of("tenant:" + tenant.name + ":" + column.name), column);
      }
    }
  }

  std::vector<std::string> fields(std::size_t bin, std::size_t width) const {
    std::vector<std::string> fields(width);
    for (const auto& [place, values] : values_) {
      if (bin < values->size()) fields[place] = std::to_string((*values)[bin]);
    }
    for (const auto& [place, values] : said_) {
      if (bin >= values->size() || (*values)[bin] == ServerColumn::kNotSaid) continue;
      fields[place] = std::to_string((*values)[bin]);
    }
    const std::int64_t end_ns = static_cast<std::int64_t>(bin + 1) * run_.series.bin_ns;
    for (const auto& [place, limits] : limits_) fields[place] = limit_before(*limits, end_ns);
    return fields;
  }

 private:
  void add(std::size_t place, const Column& column) { values_.emplace_back(place, &column.values); }

  const Run& run_;
  std::vector<std::pair<std::size_t, const std::vector<std::int64_t>*>> values_;
  std::vector<std::pair<std::size_t, const std::vector<std::int64_t>*>> said_;  // by servers
  std::vector<std::pair<std::size_t, const std::vector<LimitRecord>*>> limits_;
};

void add_line(std::string& out, const std::vector<std::string>& fields) {
  const char* separator = "";
  for (const std::string& field : fields) {
    out += separator + field;
    separator = ",";
  }
  out += '\n';
}

}  // namespace

std::string to_csv(const Report& report) {
  const bool several = report.trials.size() > 1;
  std::vector<Source> sources;
  for (const TrialReport& trial : report.trials) {
    sources.push_back({trial.trial.label, "lifted", &trial.trial.lifted.pooled});
    if (trial.trial.control) {
      sources.push_back({trial.trial.label, "control", &trial.trial.control->pooled});
    }
  }
  Header header;
  std::vector<Columns> columns;
  columns.reserve(sources.size());
  for (const Source& source : sources) columns.emplace_back(*source.run, header);

  std::vector<std::string> first = {"time_s", "arm", "phase", "runs"};
  if (several) first.insert(first.begin(), "trial");
  first.insert(first.end(), header.names().begin(), header.names().end());
  std::string out;
  add_line(out, first);
  for (std::size_t s = 0; s < sources.size(); ++s) {
    const Run& run = *sources[s].run;
    for (std::size_t bin = 0; bin < bins_of(run); ++bin) {
      const std::int64_t begin_ns = static_cast<std::int64_t>(bin) * run.series.bin_ns;
      std::vector<std::string> line = {number(static_cast<double>(begin_ns) / 1e9), sources[s].arm,
                                       phase_at(run, begin_ns), std::to_string(run.runs)};
      if (several) line.insert(line.begin(), csv_name(sources[s].label));
      const std::vector<std::string> fields = columns[s].fields(bin, header.names().size());
      line.insert(line.end(), fields.begin(), fields.end());
      add_line(out, line);
    }
  }
  return out;
}

}  // namespace tokenlift
