#include "bench/machine/workers.hpp"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include <cassert>

namespace tokenlift {

struct Workers::State {
  explicit State(std::size_t count)
      : parallelism(tbb::global_control::max_allowed_parallelism, count),
        arena(static_cast<int>(count)) {}
  tbb::global_control parallelism;
  tbb::task_arena arena;
};

Workers::Workers(std::size_t count) : count_(count) {
  assert(count >= 1);
  if (count > 1) state_ = std::make_unique<State>(count);
}

Workers::~Workers() = default;

void Workers::run(std::size_t parts, const std::function<void(std::size_t)>& part) {
  if (!state_) {
    for (std::size_t i = 0; i < parts; ++i) part(i);
    return;
  }
  state_->arena.execute(
      [&] { tbb::parallel_for(std::size_t{0}, parts, part, tbb::simple_partitioner()); });
}

}  // namespace tokenlift
