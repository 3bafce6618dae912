#pragma once
// Training on replicas of a site: synchronous steps, one after the other.
//
// A step begins with the replicas that the job has then, at the pace that each of them has and held
// back as their site is, and ends when it was to end, whatever changes meanwhile: what is gained,
// and what is given up, is so for the next one. Only a replica that fails cuts it, and then it was
// for nothing. While it computes, each replica draws what a step with a prompt draws; while they
// exchange what they have found, what is drawn idle.
//
// A pure state machine: instants come in, nothing is drawn or read. A step ends in whole ns,
// rounded up, and begins only once it is passed: who comes at the instant of its end is in the next
// one.

#include <cstdint>
#include <map>
#include <optional>

#include "bench/fleet/site_power.hpp"
#include "bench/record/token_record.hpp"
#include "workloads/scenario/job.hpp"

namespace tokenlift {

class TrainingJob {
 public:
  /// The `number`-th job, on site `site`; `power`: what its replicas draw, nullptr where that is
  /// not stated. `records_site`: time and energy are recorded by site.
  TrainingJob(Job job, std::size_t number, std::uint16_t site, const SitePower* power,
              bool records_site);

  /// Goes on until `until_ns`; steps that begin before then take `slow_milli` thousandths of their
  /// time. Everything up to then is recorded.
  void advance(std::int64_t until_ns, std::int64_t slow_milli, TokenRecord& record);

  // Of a replica, from the instant to which it has advanced:

  /// The job has it, for the next step.
  void gain(std::uint32_t replica, TokenRecord& record);
  /// It is given up at the end of the step under way.
  void give_up(std::uint32_t replica, TokenRecord& record);
  /// It has failed: the step under way is lost.
  void lose(std::uint32_t replica, TokenRecord& record);
  /// What computes prompts takes so many millionths of what it usually does, from the next step on;
  /// also of replicas that it does not have.
  void set_pace(std::uint32_t replica, std::int64_t ppm);

  /// When the step under way ends; the instant to which it has advanced where none is.
  std::int64_t border_ns() const { return step_ ? step_->end_ns : now_ns_; }
  std::int64_t replicas() const { return static_cast<std::int64_t>(members_.size()); }

 private:
  struct Step {
    std::int64_t begin_ns = 0;
    std::int64_t computed_ns = 0;  // then they exchange, until the end
    std::int64_t end_ns = 0;
    std::int64_t slow_milli = 1000;
  };
  void begin_step(std::int64_t slow_milli);
  /// Of the step under way, from `now_ns_` on.
  void record_draw(std::int64_t until_ns, TokenRecord& record) const;
  void pass(std::int64_t until_ns, TokenRecord& record);
  void drop(std::uint32_t replica, TokenRecord& record);
  void drop_given_up(TokenRecord& record);

  Job job_;
  std::size_t number_;
  std::uint16_t site_;
  const SitePower* power_;
  bool records_site_;
  std::map<std::uint32_t, bool> members_;           // by replica: it is being given up
  std::map<std::uint32_t, std::int64_t> slow_ppm_;  // of replicas at another pace than the usual
  std::optional<Step> step_;
  std::int64_t now_ns_ = 0;
};

}  // namespace tokenlift
