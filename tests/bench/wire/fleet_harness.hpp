#pragma once
// A fleet of endpoints with a clock, for tests: requests go in, and what became of them comes out.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/record/recording_grid.hpp"
#include "bench/wire/http_fleet.hpp"
#include "bench/wire/wire_clock.hpp"
#include "workloads/scenario/scenario.hpp"

namespace tokenlift {

/// One site and one tenant; without a warm-up.
inline Scenario wire_scenario(const std::string& url) {
  Scenario scenario;
  scenario.name = "wire";
  scenario.run.engine = Engine::http;
  scenario.run.duration_ns = 60'000'000'000;
  Site site;
  site.name = "gateway";
  site.endpoint.emplace();
  site.endpoint->url = url;
  site.endpoint->model = "model";
  scenario.fleet.sites.push_back(site);
  Tenant tenant;
  tenant.name = "users";
  tenant.arrivals.rate.per_s = 1;
  tenant.prompt_tokens.mean = 8;
  tenant.prompt_tokens.max = 8;
  tenant.output_tokens.mean = 4;
  tenant.output_tokens.max = 4;
  tenant.max_tokens = 4;
  scenario.tenants.push_back(tenant);
  return scenario;
}

/// What became of an attempt.
struct Became {
  News news;
  Reply reply;
};

class FleetHarness {
 public:
  explicit FleetHarness(Scenario scenario)
      : scenario_(std::move(scenario)), grid_(make_grid(scenario_)) {
    fleet_ = std::make_unique<HttpFleet>(scenario_, grid_, clock_);
  }

  /// A request; the next one has the next number.
  RequestId send(std::uint32_t site = 0, const Prefix* prefix = nullptr,
                 std::int32_t prompt_tokens = 8, std::int64_t now_ns = -1) {
    Work work;
    work.id = next_;
    work.number = next_++;
    work.prompt_tokens = prompt_tokens;
    work.output_tokens = 4;
    work.announce = true;
    work.prefix = prefix;
    fleet_->submit(work, site, now_ns < 0 ? clock_.now_ns() : now_ns);
    return work.id;
  }

  /// One turn of the loop: waits for something to happen, and takes it.
  void turn() {
    const std::int64_t now_ns = clock_.wait(
        std::min(clock_.now_ns() + kLookNs, std::max<std::int64_t>(fleet_->next_event_ns(), 0)));
    for (const News& news : fleet_->advance(now_ns)) {
      if (news.kind == NewsKind::started) {
        started.push_back(news);
      } else {
        became.push_back({news, fleet_->reply(news.id)});
      }
    }
  }
  /// Until so many attempts have ended; false if that takes absurdly long.
  bool wait_for(std::size_t ends) {
    return wait_until([&] { return became.size() >= ends; });
  }
  template <typename Holds>
  bool wait_until(Holds holds) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!holds()) {
      if (std::chrono::steady_clock::now() > until) return false;
      turn();
    }
    return true;
  }

  HttpFleet& fleet() { return *fleet_; }
  WireClock& clock() { return clock_; }
  const RecordingGrid& grid() const { return grid_; }
  WireRecord stop() {
    fleet_->stop(clock_.now_ns(), tokens);
    return *fleet_->wire();
  }

  std::vector<News> started;
  std::vector<Became> became;

 private:
  static constexpr std::int64_t kLookNs = 20'000'000;
  Scenario scenario_;
  RecordingGrid grid_;
  WireClock clock_;
  std::unique_ptr<HttpFleet> fleet_;
  RequestId next_ = 0;

 public:
  TokenRecord tokens{grid_};
};

}  // namespace tokenlift
