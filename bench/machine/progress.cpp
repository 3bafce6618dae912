#include "bench/machine/progress.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iterator>
#include <utility>

#include "reports/text/figure.hpp"
#include "workloads/text/quantity.hpp"

namespace tokenlift {

namespace {

constexpr auto kRedraw = std::chrono::milliseconds(250);
constexpr const char* kClearLine = "\r\x1b[K";

double per_second(std::int64_t amount, std::int64_t span_ns) {
  return span_ns > 0 ? static_cast<double>(amount) / to_s(span_ns) : 0;
}

/// Words of a line with what separates them, or nothing.
std::string part(const std::string& words) {
  return words.empty() ? "" : "   " + words;
}

}  // namespace

std::string simulation_speed(std::int64_t simulated_ns, std::int64_t real_ns) {
  if (simulated_ns <= 0 || real_ns <= 0) return "";
  return fmt::format("x{} real time",
                     figure(static_cast<double>(simulated_ns) / static_cast<double>(real_ns)));
}

std::string rough_time(double seconds) {
  if (seconds < 90) return fmt::format("{:.0f} s", seconds);
  if (seconds < 90 * 60) return fmt::format("{:.0f} min", seconds / 60);
  return fmt::format("{:.0f} h", seconds / 3600);
}

std::string time_left(std::int64_t simulated_ns, std::int64_t duration_ns, std::int64_t real_ns) {
  if (simulated_ns <= 0 || real_ns <= 0) return "";
  const auto ahead_ns = static_cast<double>(std::max<std::int64_t>(duration_ns - simulated_ns, 0));
  const double left_s =
      ahead_ns * static_cast<double>(real_ns) / static_cast<double>(simulated_ns) / 1e9;
  return left_s < 120 ? fmt::format("{:.0f} s left", std::ceil(left_s))
                      : fmt::format("{:.0f} min left", std::ceil(left_s / 60));
}

int terminal_columns(std::FILE* stream, int otherwise) {
  winsize size{};
  return ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : otherwise;
}

void LiveLine::show(std::string line) const {
  const int columns = std::max(terminal_columns(stream_, 80), 2);
  line.resize(std::min(line.size(), static_cast<std::size_t>(columns) - 1));
  std::fputs(kClearLine, stream_);
  std::fputs(line.c_str(), stream_);
  std::fflush(stream_);
}

void LiveLine::clear() const {
  std::fputs(kClearLine, stream_);
  std::fflush(stream_);
}

ProgressDisplay::ProgressDisplay(const ProgressBoard& board, std::vector<Phase> phases,
                                 std::int64_t duration_ns, std::string label, bool simulated,
                                 std::FILE* stream, bool terminal)
    : board_(board),
      phases_(std::move(phases)),
      duration_ns_(duration_ns),
      label_(std::move(label)),
      simulated_(simulated),
      stream_(stream),
      terminal_(terminal),
      live_(stream) {
  if (stream_ != nullptr) {
    thread_ = std::jthread([this](const std::stop_token& stop) { watch(stop); });
  }
}

ProgressDisplay::~ProgressDisplay() {
  if (stream_ == nullptr) return;
  thread_.request_stop();
  thread_.join();
  if (terminal_) {
    live_.clear();
  } else {
    draw_ended_phases();
  }
}

ProgressDisplay::Reading ProgressDisplay::read() const {
  const auto get = [](const std::atomic<std::int64_t>& number) {
    return number.load(std::memory_order_relaxed);
  };
  return {get(board_.now_ns), get(board_.sent), get(board_.completed),
          get(board_.completed_tokens)};
}

const Phase& ProgressDisplay::phase_at(std::int64_t now_ns) const {
  const auto after = std::find_if(phases_.begin(), phases_.end(),
                                  [&](const Phase& phase) { return now_ns < phase.end_ns; });
  return after == phases_.end() ? phases_.back() : *after;
}

/// Where they did not stand before.
void ProgressDisplay::open_phases() {
  const std::int64_t begin_ns = board_.transition_begin_ns.load(std::memory_order_acquire);
  if (begin_ns < 0) return;
  const auto transition = std::ranges::find(phases_, "transition", &Phase::name);
  if (transition == phases_.end() || transition->begin_ns == begin_ns) return;
  transition->begin_ns = begin_ns;
  transition->end_ns = board_.transition_end_ns.load(std::memory_order_relaxed);
  if (transition != phases_.begin()) std::prev(transition)->end_ns = begin_ns;
  if (std::next(transition) != phases_.end()) {
    std::next(transition)->begin_ns = transition->end_ns;
  }
}

std::int64_t ProgressDisplay::real_ns() const {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() -
                                                              start_)
      .count();
}

void ProgressDisplay::draw_live() {
  open_phases();
  const Reading now = read();
  const std::string pace = simulated_
                               ? " (simulated)" + part(simulation_speed(now.now_ns, real_ns())) +
                                     part(time_left(now.now_ns, duration_ns_, real_ns()))
                               : "";
  live_.show(fmt::format(
      "{}{:<10} {:>6.1f} of {:.1f} s{}   sent {}   done {}   waiting {}   in system {}   {:.0f} "
      "tokens/s",
      label_, phase_at(now.now_ns).name, to_s(now.now_ns), to_s(duration_ns_), pace, now.sent,
      now.completed, board_.waiting.load(std::memory_order_relaxed),
      board_.in_system.load(std::memory_order_relaxed),
      per_second(now.completed_tokens - last_.completed_tokens, now.now_ns - last_.now_ns)));
  last_ = now;
}

void ProgressDisplay::draw_ended_phases() {
  open_phases();
  const Reading now = read();
  const auto has_ended = [&] {
    // One that did not open is none.
    while (phase_ < phases_.size() && now.now_ns >= phases_[phase_].end_ns &&
           phases_[phase_].end_ns <= phases_[phase_].begin_ns) {
      ++phase_;
    }
    return phase_ < phases_.size() && now.now_ns >= phases_[phase_].end_ns;
  };
  while (has_ended()) {
    const Phase& phase = phases_[phase_++];
    std::string line = fmt::format(
        "{}{:<10} until {:>5.1f} s{}", label_, phase.name, to_s(phase.end_ns),
        simulated_ ? " (simulated)" + part(simulation_speed(now.now_ns, real_ns())) : "");
    // Of several phases that ended since the last look the rates of each are not known.
    if (!has_ended()) {
      const std::int64_t span_ns = now.now_ns - last_.now_ns;
      line += fmt::format("   {:.3g} requests/s sent   {:.3g} done   {:.0f} tokens/s",
                          per_second(now.sent - last_.sent, span_ns),
                          per_second(now.completed - last_.completed, span_ns),
                          per_second(now.completed_tokens - last_.completed_tokens, span_ns));
      last_ = now;
    }
    std::fputs((line + "\n").c_str(), stream_);
  }
  std::fflush(stream_);
}

void ProgressDisplay::watch(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    wake_.wait_for(lock, stop, kRedraw, [] { return false; });
    if (terminal_) {
      draw_live();
    } else {
      draw_ended_phases();
    }
  }
}

}  // namespace tokenlift
