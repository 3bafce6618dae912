#pragma once
// What servers say of themselves, over time.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/record/recording_grid.hpp"
#include "bench/wire/rate_limits.hpp"
#include "reports/record/wire_record.hpp"

namespace tokenlift {

class ServerGauges {
 public:
  /// `sites`: their names.
  ServerGauges(const RecordingGrid& grid, std::vector<std::string> sites)
      : grid_(grid), sites_(std::move(sites)) {}

  /// A figure of a site was this when it was read. In order of time.
  void note(std::size_t site, std::string_view figure, std::int64_t at_ns, std::int64_t value);
  void note(std::size_t site, std::int64_t at_ns, const std::vector<LimitReading>& readings);

  /// Those that were ever said, in the bins of a run that ended then, by site and figure.
  std::vector<ServerColumn> columns(std::int64_t end_ns) const;

 private:
  const RecordingGrid& grid_;
  std::vector<std::string> sites_;
  /// Values of the bins up to the last one in which it was said.
  std::map<std::pair<std::size_t, std::string>, std::vector<std::int64_t>, std::less<>> values_;
};

}  // namespace tokenlift
