#pragma once
// What the steps of a replica took, by what they computed: from the end of a step to the end of the
// next one, so that nothing is left out while it is busy.

#include <cstdint>

namespace tokenlift {

struct StepTimes {
  std::int64_t decode_ns = 0;      ///< all but the first computation of prompts
  std::int64_t decode_tokens = 0;  ///< output tokens but the first of each request
  std::int64_t prompt_ns = 0;
  std::int64_t prompt_tokens = 0;  ///< computed for the first time

  StepTimes& operator+=(const StepTimes& other) {
    decode_ns += other.decode_ns;
    decode_tokens += other.decode_tokens;
    prompt_ns += other.prompt_ns;
    prompt_tokens += other.prompt_tokens;
    return *this;
  }
  StepTimes operator-(const StepTimes& other) const {
    return {decode_ns - other.decode_ns, decode_tokens - other.decode_tokens,
            prompt_ns - other.prompt_ns, prompt_tokens - other.prompt_tokens};
  }
  bool operator==(const StepTimes&) const = default;
};

}  // namespace tokenlift
