#pragma once
// What run.json says of an event, read.

#include "reports/json/json_field.hpp"
#include "reports/record/run.hpp"

namespace tokenlift {

/// `version` is that of the file: an older one lacks some fields. Throws RunFileError.
LiftRecord lift_of(const Field& field, int version);

}  // namespace tokenlift
