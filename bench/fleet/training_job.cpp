#include "bench/fleet/training_job.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace tokenlift {

namespace {

constexpr std::int64_t kUsualPpm = 1'000'000;

constexpr std::int64_t kLongestNs = 100'000'000'000'000'000;  // three years: beyond any run

std::int64_t divided_up(__int128 product, __int128 by) {
  constexpr __int128 kMost = INT64_MAX;
  return static_cast<std::int64_t>(std::min((product + by - 1) / by, kMost));
}

}  // namespace

TrainingJob::TrainingJob(Job job, std::size_t number, std::uint16_t site, const SitePower* power,
                         bool records_site)
    : job_(std::move(job)),
      number_(number),
      site_(site),
      power_(power),
      records_site_(records_site) {}

void TrainingJob::advance(std::int64_t until_ns, std::int64_t slow_milli, TokenRecord& record) {
  while (now_ns_ < until_ns) {
    if (members_.empty()) {
      record.jobs().stalled(number_, now_ns_, until_ns);
      now_ns_ = until_ns;
      return;
    }
    if (!step_) begin_step(slow_milli);
    pass(std::min(until_ns, step_->end_ns), record);
    if (now_ns_ < step_->end_ns) return;
    record.jobs().stepped(number_, step_->begin_ns, step_->end_ns);
    step_.reset();
    drop_given_up(record);
  }
}

void TrainingJob::begin_step(std::int64_t slow_milli) {
  std::int64_t slowest_ppm = 0;
  for (const auto& [replica, leaves] : members_) {
    const auto pace = slow_ppm_.find(replica);
    slowest_ppm = std::max(slowest_ppm, pace == slow_ppm_.end() ? kUsualPpm : pace->second);
  }
  const __int128 work = static_cast<__int128>(job_.step_ns) * job_.replicas * slowest_ppm;
  const __int128 at_pace = static_cast<__int128>(replicas()) * kUsualPpm;
  const std::int64_t usual_ns = std::min(divided_up(work, at_pace), kLongestNs);
  const std::int64_t compute_ns = divided_up(static_cast<__int128>(usual_ns) * slow_milli, 1000);
  const std::int64_t exchange_ns = members_.size() > 1 ? job_.interconnect_ns : 0;
  step_ = Step{now_ns_, now_ns_ + compute_ns, now_ns_ + compute_ns + exchange_ns, slow_milli};
}

void TrainingJob::record_draw(std::int64_t until_ns, TokenRecord& record) const {
  const std::int64_t end_ns = std::min(until_ns, step_->computed_ns);
  if (power_ == nullptr || now_ns_ >= end_ns) return;
  const bool held_back = step_->slow_milli > 1000;
  const std::int64_t above_mw = power_->above_mw(0, true) * 1000 / step_->slow_milli;
  record.draws().drew(site_, {above_mw, held_back, step_->slow_milli, replicas()}, now_ns_, end_ns);
  record.jobs().drew(number_, above_mw * replicas(), now_ns_, end_ns);
}

void TrainingJob::pass(std::int64_t until_ns, TokenRecord& record) {
  if (step_) record_draw(until_ns, record);
  record.jobs().held(number_, replicas(), now_ns_, until_ns);
  if (records_site_) record.draws().served(site_, now_ns_, until_ns, replicas());
  now_ns_ = until_ns;
}

void TrainingJob::gain(std::uint32_t replica, TokenRecord& record) {
  const auto [member, is_new] = members_.emplace(replica, false);
  member->second = false;
  if (is_new) record.jobs().holds(number_, now_ns_, 1);
}

void TrainingJob::give_up(std::uint32_t replica, TokenRecord& record) {
  const auto member = members_.find(replica);
  if (member == members_.end()) return;
  if (step_) {
    member->second = true;
  } else {
    drop(replica, record);
  }
}

void TrainingJob::lose(std::uint32_t replica, TokenRecord& record) {
  if (!members_.contains(replica)) return;
  if (step_) record.jobs().lost(number_, step_->begin_ns, now_ns_);
  step_.reset();
  drop(replica, record);
  drop_given_up(record);
}

void TrainingJob::drop_given_up(TokenRecord& record) {
  std::vector<std::uint32_t> given_up;
  for (const auto& [replica, leaves] : members_) {
    if (leaves) given_up.push_back(replica);
  }
  for (const std::uint32_t replica : given_up) drop(replica, record);
}

void TrainingJob::drop(std::uint32_t replica, TokenRecord& record) {
  members_.erase(replica);
  record.jobs().holds(number_, now_ns_, -1);
}

void TrainingJob::set_pace(std::uint32_t replica, std::int64_t ppm) {
  if (ppm == kUsualPpm) {
    slow_ppm_.erase(replica);
  } else {
    slow_ppm_[replica] = ppm;
  }
}

}  // namespace tokenlift
