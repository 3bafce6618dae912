#include "reports/json/json_lift.hpp"

namespace tokenlift {

LiftRecord lift_of(const Field& field, int version) {
  LiftRecord lift;
  lift.at_ns = field["at_s"].optional(&Field::time_ns);
  lift.planned_ns = field["planned_s"].time_ns();
  lift.throttle = field["throttle"].text();
  lift.kind = field["kind"].text();
  lift.waiting_requests = field["waiting_requests"].amount();
  lift.backlog_tokens = field["backlog_tokens"].amount();
  lift.backoff_requests = field["backoff_requests"].amount();
  lift.backoff_tokens = field["backoff_tokens"].amount();
  if (version < 3) return lift;
  lift.unlock_ns = field["unlock_latency_s"].optional(&Field::time_ns);
  lift.release_lag_ns = field["waiter_release_lag_s"].optional(&Field::time_ns);
  lift.limit_tokens_per_s = field["limit_tokens_per_s"].optional(&Field::amount_of_units);
  if (field.has("length_s")) lift.length_ns = field["length_s"].optional(&Field::time_ns);
  if (field.has("site")) lift.site = field["site"].text();
  if (field.has("replicas")) lift.replicas = field["replicas"].amount();
  if (field.has("call_s")) lift.call_ns = field["call_s"].time_ns();
  return lift;
}

}  // namespace tokenlift
