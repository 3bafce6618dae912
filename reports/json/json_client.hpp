#pragma once
// What other load generators say of their runs, read from the result files that they document.

#include <optional>
#include <string>
#include <string_view>

#include "reports/record/run_view.hpp"

namespace tokenlift {

/// The result of `vllm bench serve --save-result`, of GuideLLM (benchmarks.json, with one
/// benchmark) or of AIPerf (profile_export_aiperf.json). Nothing: it is a file of tokenlift.
/// Percentiles that a file does not have are absent. Of GuideLLM and AIPerf the inter-token latency
/// is the mean gap of a request, which is tpot here; of AIPerf the inter-chunk latency is itl.
/// Throws RunFileError where the text is none of these, or damaged. `source`: its file name.
std::optional<RunView> read_client_result(std::string_view text, const std::string& source);

}  // namespace tokenlift
