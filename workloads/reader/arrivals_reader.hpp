#pragma once
// Reads how a tenant's requests arrive, and the distributions of what people do and take.

#include <optional>
#include <string>

#include "workloads/reader/table_reader.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

inline constexpr double kCvMax = 100;

/// Nothing if anything of it is wrong.
std::optional<Lengths> read_lengths(TableReader table);

/// A plain duration, which is constant, or a table with a distribution; not below `min_ns`.
std::optional<Wait> read_wait(TableReader& table, std::string_view key, std::int64_t min_ns);

/// `rate` or `load`, and nothing where neither is right.
Rate read_rate(TableReader& table);

/// A mistake if both `rate` and `load` are there, or neither of them where one is required. False
/// then.
bool check_one_rate(TableReader& table, bool required);

class ArrivalsReader {
 public:
  /// `folder` is where a relative trace file is looked for.
  ArrivalsReader(Document& document, std::string folder)
      : document_(document), folder_(std::move(folder)) {}

  Arrivals read(TableReader table);

 private:
  std::optional<Trace> read_trace(TableReader& table);
  TraceColumns read_columns(TableReader& table);
  std::optional<Shape> read_shape(TableReader table);
  void read_steps(TableReader& table, Shape& shape);

  Document& document_;
  std::string folder_;
};

}  // namespace tokenlift
