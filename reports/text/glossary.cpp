#include "reports/text/glossary.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace tokenlift {
namespace {

constexpr auto kTerms = std::to_array<Term>({
    {"95 % interval",
     "What chance alone leaves open: of 100 such intervals about 95 hold the true value. Where it "
     "holds no change, none was shown."},
    {"above it by at most",
     "The most that a site drew more than its limit and what its battery gave, as a mean "
     "over a control interval."},
    {"above the limit",
     "Of the phase, the share over which a site drew more than its limit and what its "
     "battery gave."},
    {"added",
     "What the change cost more (or drew more), for each token that was made more: the marginal "
     "cost."},
    {"admitted", "Attempts that the throttle let through."},
    {"after/before", "The figure after the change as a multiple of that before it."},
    {"as good",
     "Values of the parameter within which the figure stays within 2 % of the recommended one's "
     "and all constraints are met."},
    {"at worst",
     "The largest worsening that the runs do not exclude, corrected for all figures that are "
     "gated. Where it reaches what is looked for (--detect), the figure is open."},
    {"attainment",
     "Requests that met all their objectives / all requests due, not only completed ones."},
    {"attempts",
     "The first one and the retries of a request. A throttle counts attempts, everything else "
     "requests."},
    {"backlog",
     "Output tokens of what waited when the change came: at the throttle and, of a change of the "
     "fleet, for a place in a batch."},
    {"base", "What is compared with: the runs named first."},
    {"batch fill", "The mean batch / the largest one that a replica may run."},
    {"batch mean", "Sequences that a replica computes in one step, weighted by time."},
    {"better",
     "Changed by more than counts as none (--threshold), for the better of users, and by more than "
     "chance does."},
    {"by contract",
     "What accelerators cost whose site states a price on demand to compare with; electricity "
     "included where it is paid for."},
    {"cancelled", "Requests whose user left while they waited."},
    {"capacity",
     "Output tokens/s that what serves makes at saturation, with the run's own mix of lengths."},
    {"change",
     "The later or other figure as a multiple of the first (x), or their difference (+, -) where a "
     "ratio says nothing."},
    {"change found at",
     "When the throughput changes its level, found without being told of the change."},
    {"clock error",
     "How far a machine's clock may be from that of rank 0 beside its offset, or from UTC where "
     "the "
     "two were not compared."},
    {"clock offset", "A machine's clock against that of rank 0, where the two were compared."},
    {"CO2",
     "Carbon dioxide of the energy that the sites drew, by the grams per kWh that they state."},
    {"completed", "Requests that got all their tokens."},
    {"contender", "What is compared: the runs named last."},
    {"contract pays from",
     "The use from which on the contract is cheaper than the same accelerators on demand. Above "
     "100 % there is none."},
    {"cost",
     "What was paid in the phase: accelerators by their prices, used or not, and electricity."},
    {"cost per goodput token",
     "What was paid / output tokens of requests that met all their objectives."},
    {"cost per hour", "What was paid / the length of the phase."},
    {"cost per M goodput",
     "Dollars for a million output tokens of requests that met all their objectives."},
    {"cost per M tokens", "Dollars for a million output tokens."},
    {"cost per step", "Its part of what its site costs / steps of the job."},
    {"cost per token", "What was paid / output tokens."},
    {"delivered load", "Requests that the harness sent in their phase / requests due in it."},
    {"denied at first",
     "Requests whose first attempt the endpoint refused by a limit of its own (429)."},
    {"drain time",
     "From the change until no more requests are in the system than is usual after it."},
    {"drain time, fluid prediction",
     "The backlog / what limit and fleet carry beyond the load that arrives."},
    {"e2e", "End to end: last token - the instant at which the request was due."},
    {"energy", "All that the sites drew: accelerators, the rest of the servers, and cooling."},
    {"energy per step", "All that the replicas of the job draw / its steps."},
    {"energy per token", "The energy of the sites / output tokens."},
    {"expired",
     "Requests whose deadline or longest wait passed; one that is served late is expired too."},
    {"fail", "Replicas of a site stop at once; what they were computing moves, or fails too."},
    {"failed", "Requests that the fleet or the endpoint broke."},
    {"first output",
     "First token that is no reasoning - the instant at which the request was due."},
    {"for users",
     "better or worse: changed by more than counts as none, and by more than chance does. Open: "
     "not "
     "worse as far as so many runs tell, but a worsening of the size that is looked for is not "
     "excluded. No difference shown: it is."},
    {"from–to", "The phase, in seconds from the start of the run."},
    {"generator lag", "Sent - due: how late the harness itself was."},
    {"goodput",
     "Output tokens/s of requests that met all their objectives, in the phase in which they were "
     "due."},
    {"goodput after three fluid drains",
     "Of what is offered, the share that was goodput once three times the predicted drain time had "
     "passed."},
    {"headers", "From admission until the status of the endpoint's reply was read."},
    {"headroom", "1 - throughput / capacity of what served: what of the fleet is left."},
    {"held", "Attempts that had to wait at the throttle."},
    {"in flight",
     "As an outcome: requests that were undecided when the run ended. Over time: requests that "
     "were admitted and are not done."},
    {"instant of the change",
     "When the call was answered, the command had ended or the signal came that says so."},
    {"internal jobs", "Training beside what tenants ask for, on replicas of a site."},
    {"ITL", "Inter-token latency: every gap between consecutive tokens, pooled over all requests."},
    {"join",
     "Replicas come to a site. They serve once they have booted: loaded the weights of the model."},
    {"KV used",
     "Tokens resident in KV caches (keys and values that attention keeps) / the room for them."},
    {"largest power",
     "The largest mean over a control interval; of several sites the sum of theirs, which need not "
     "come at once."},
    {"leave", "Replicas of a site go, after a notice."},
    {"length of a step",
     "From its beginning to the end of its exchange, mean over those that ended in the "
     "phase."},
    {"lost to the limit",
     "Of the time of replicas, what steps would not have taken without the limit of power."},
    {"matters",
     "The share of the figure's variance over the whole range that goes with this parameter "
     "alone."},
    {"mean after", "The level of the figure once all is settled."},
    {"mean before", "The level of the figure before the change."},
    {"mean power", "All that the sites draw, mean over the phase."},
    {"measured", "What engine threads measured in real time."},
    {"need",
     "Runs on either side that would decide all figures of the case; with fewer than 3, at least "
     "so many."},
    {"network",
     "The round trip to the site that served: the way there, and the way back of the first token."},
    {"no difference", "A worsening of the size that is looked for (--detect) is excluded."},
    {"not made, at most",
     "Output tokens/s that would have been made in the time lost to the limit: a bound, "
     "since replicas with room make up for it."},
    {"objectives", "Bounds on figures that a case is held to, and how many of them it met."},
    {"of accelerators", "The energy of the accelerators alone / output tokens."},
    {"offered", "What users ask for: requests due per second, whatever becomes of them."},
    {"open",
     "Not worse as far as so many runs tell, and a worsening of the size that is looked for "
     "(--detect) is not excluded either."},
    {"overloaded at first",
     "Requests whose first attempt the endpoint refused because of everybody's load (503, 529)."},
    {"overshoot", "How far the figure went beyond its new level, as a share of the step."},
    {"p",
     "How often chance alone would make so large a change, corrected for all figures that are "
     "tested together."},
    {"p50, p90, p95, p99",
     "Percentiles: the value that so many percent of the requests do not exceed. Given where at "
     "least 10 requests lie beyond."},
    {"paid for and idle", "What is paid by contract for what was not used."},
    {"per M on demand",
     "Dollars for a million output tokens, if what was used had been rented on demand."},
    {"placed late",
     "Output tokens that only usage tells of: they count when their request's last chunk came."},
    {"predicted", "What was simulated of the same setting."},
    {"prefill", "The step that computes the prompt, until the first token."},
    {"prefix hits", "Prompt tokens found in a prefix cache / prompt tokens."},
    {"present", "The setting as the scenario has it."},
    {"queue wait", "From admission until the first step that computes any of the prompt."},
    {"rank", "One of the processes that play a run together, each a share of its requests."},
    {"reads with several chunks",
     "Reads from a connection that held more than one chunk with text: between those ITL is 0."},
    {"recommended",
     "The setting that the search ended with: of those that meet all constraints, under stress "
     "too, the best."},
    {"recovery deficit", "Tokens of goodput that the transition fell short of the level after it."},
    {"rejected", "Requests that gave up after their retries; of a throttle: attempts refused."},
    {"replicas held", "Of the site, by the job: mean over the phase."},
    {"replicas serving", "Replicas that take requests, of all sites; mean over the phase."},
    {"requests due",
     "Requests that users wanted in the phase, whatever became of them. When one is due is never "
     "moved by what the system does."},
    {"requests held or rejected",
     "Of the requests due before the change, the share whose first attempt the throttle held or "
     "denied. Under 5 % it did not bind."},
    {"rise time", "From 10 % to 90 % of the step."},
    {"runs",
     "Repetitions with seeds of their own. Runs are what is compared, as requests of one run are "
     "not independent."},
    {"service TTFT", "From admission until the first token: what a tool at the server would show."},
    {"setting", "A value for each parameter that is searched; #17 is the 17th that was tried."},
    {"settling time", "From the change until the figure stays at its new level."},
    {"SLO", "Service-level objectives of a tenant: bounds on TTFT, TPOT or e2e."},
    {"SLO debt", "Requests due in the transition that missed an objective."},
    {"slow", "Replicas of a site take longer for every step."},
    {"slowed by power",
     "Of the time of replicas, the share in which a limit of power held them back."},
    {"smoothed over", "The length of time over which the series was averaged."},
    {"stalled",
     "Of the phase, the share in which the job had no replica, or computed a step that a "
     "failure cut."},
    {"standard error", "Of the smoothed series: how far chance alone moves it."},
    {"starvation",
     "Time that a tenant got less than its guaranteed share while it had work waiting."},
    {"status",
     "done: a valid measurement. Invalid: a check failed. Failed, interrupted, not run: there is "
     "no measurement."},
    {"steps", "Of the job, that ended in the phase."},
    {"steps lost", "Steps of the job that a failure cut."},
    {"steps per hour", "Steps of the job that ended in the phase / its length."},
    {"tenant", "A group of users with a load and objectives of its own."},
    {"the same on demand",
     "What the accelerators that were used would cost by the hour on demand: as many, at full "
     "batches, and no longer than they were."},
    {"their backlog", "Output tokens of the requests that waited when the change came."},
    {"throttle wait", "Admitted - sent: waiting at the throttle, and back-off between attempts."},
    {"throughput", "Output tokens/s that were produced, whoever wanted them."},
    {"throughput per MW", "Output tokens/s / mean power."},
    {"to the best", "The figure as a multiple of the best setting's, from runs of the same seeds."},
    {"tokens per chunk", "Output tokens / chunks with text that the endpoint sent."},
    {"TPOT",
     "Time per output token of a request: (last token - first token) / (output tokens - 1)."},
    {"TTFT",
     "Time to first token: first token - due. It is generator lag + throttle wait + network + "
     "queue wait + prefill, exactly."},
    {"uncertainty of the instant",
     "How long the call or command took that made the change: it came somewhere in that time."},
    {"unfairness",
     "By how much one tenant came ahead of another in tokens, weighted, while both had work "
     "waiting."},
    {"unlock latency",
     "From the change until the first admission that the old limit would have refused."},
    {"unserved", "Of the requests due, the share that did not get its tokens."},
    {"use of what is paid",
     "Of accelerators that are paid for by contract, the share that was used: the time in which "
     "they served, times throughput / capacity."},
    {"utilisation",
     "Time that replicas spent in steps / their time. One sequence keeps a replica busy, so it "
     "says little about what is left."},
    {"waiter release lag",
     "Of those who waited at the change, the longest delay behind the instant at which the new "
     "limit allowed them."},
    {"waiting at the throttle", "Requests that were held there when the change came."},
    {"waiting in back-off",
     "Requests that had been refused and were going to retry when the change came."},
    {"wasted",
     "Tokens computed for requests that ended late, were cancelled or failed, and those computed "
     "twice where a request moved to another replica."},
    {"worse",
     "Changed by more than counts as none (--threshold), for the worse of users, and by more than "
     "chance does."},
});

/// What some tables call a term for want of room.
struct Alias {
  std::string_view label;
  std::string_view name;
};
constexpr auto kAliases = std::to_array<Alias>({{"attained", "attainment"},
                                                {"attempts at", "attempts"},
                                                {"drain", "drain time"},
                                                {"due", "requests due"},
                                                {"lag", "generator lag"},
                                                {"TTFT mean", "TTFT"}});

bool same(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

const Term* exact(std::string_view label) {
  for (const Alias& alias : kAliases) {
    if (same(alias.label, label)) label = alias.name;
  }
  const auto* const found = std::find_if(kTerms.begin(), kTerms.end(),
                                         [&](const Term& term) { return same(term.name, label); });
  return found == kTerms.end() ? nullptr : found;
}

}  // namespace

std::span<const Term> glossary() {
  return kTerms;
}

const Term* find_term(std::string_view label) {
  if (const Term* const term = exact(label)) return term;
  for (const std::string_view end : {", before", ", after", " before", " after", " p50", " p90",
                                     " p95", " p99", " p999", " p99.9", " max"}) {
    if (label.ends_with(end)) return find_term(label.substr(0, label.size() - end.size()));
  }
  for (const std::string_view begin : {"starvation", "join", "leave", "fail", "slow"}) {
    if (label.starts_with(begin) && label.substr(begin.size()).starts_with(" of ")) {
      return exact(begin);
    }
  }
  // "TTFT (ms)", "generator lag p99 (ms)"
  const std::size_t unit = label.rfind(" (");
  return unit != std::string_view::npos && label.ends_with(')') ? find_term(label.substr(0, unit))
                                                                : nullptr;
}

}  // namespace tokenlift
