#pragma once
// What run.json says of a run over the wire (Run::wire).

#include <cstddef>

#include "reports/json/json_field.hpp"
#include "reports/json/json_value.hpp"
#include "reports/record/wire_record.hpp"

namespace tokenlift {

Json json_of(const WireRecord& wire);

/// Throws RunFileError, also where a series of a server has not as many values as the run has
/// `bins`.
WireRecord wire_of(const Field& field, std::size_t bins);

}  // namespace tokenlift
