#pragma once
// A swept key as reports name it: they know nothing of the scenario's language.

#include "reports/findings/sweep_report.hpp"
#include "workloads/tuning/swept_key.hpp"

namespace tokenlift {

inline SweepAxis axis_of(const SweptKey& key) {
  return {key.key, key.unit, key.numeric};
}

}  // namespace tokenlift
