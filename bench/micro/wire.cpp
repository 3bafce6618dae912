// Benchmarks of what engine http does with bytes, without sockets.
//
//   wire/chunk    one chunk of a stream that holds one event with one token: body, event, delta;
//                 read as one piece, and as pieces that end anywhere
//   wire/head     the head of a response, with rate-limit headers that are looked at
//   wire/request  head and body of a request by the length of its prompt

#include <benchmark/benchmark.h>

#include <string>
#include <string_view>
#include <variant>

#include "bench/wire/body.hpp"
#include "bench/wire/delta.hpp"
#include "bench/wire/event_stream.hpp"
#include "bench/wire/prompt.hpp"
#include "bench/wire/rate_limits.hpp"
#include "bench/wire/request_text.hpp"
#include "bench/wire/response_head.hpp"
#include "bench/wire/url.hpp"

namespace tokenlift::micro_wire {
namespace {

/// 206 bytes, as vLLM sends them.
const std::string kChunk =
    "c8\r\n"
    R"(data: {"id":"chatcmpl-7c1d2e9","object":"chat.completion.chunk","created":1790000000,)"
    R"("model":"llama-3.1-8b","choices":[{"index":0,"delta":{"content":" token"},)"
    R"("logprobs":null,"finish_reason":null}]})"
    "\n\n\r\n";

void chunk(benchmark::State& state) {
  const auto piece_bytes = static_cast<std::size_t>(state.range(0));
  std::string text;
  for (int i = 0; i < 1000; ++i) text += kChunk;
  DeltaReader reader(Api::openai_chat);
  EventStream events;
  Body body(ResponseHead::Framing::chunked, 0);
  std::string_view rest;   // of what is read again and again
  std::string_view bytes;  // of a piece
  std::string_view data;
  EventStream::Event event;
  for (auto _ : state) {
    while (!events.next(data, event)) {
      if (bytes.empty()) {
        if (rest.empty()) rest = text;
        bytes = rest.substr(0, piece_bytes);
        rest.remove_prefix(bytes.size());
      }
      if (body.feed(bytes, data) != Body::State::more) state.SkipWithError("broken");
    }
    if (!reader.event(event.name, event.data)->has_text) state.SkipWithError("no text");
  }
  state.counters["bytes"] = static_cast<double>(kChunk.size());
}
BENCHMARK(chunk)->Name("wire/chunk")->ArgName("piece")->Arg(206)->Arg(100);

void head(benchmark::State& state) {
  const std::string text =
      "HTTP/1.1 200 OK\r\ndate: Mon, 30 Nov 2026 00:00:00 GMT\r\nserver: uvicorn\r\n"
      "content-type: text/event-stream; charset=utf-8\r\nx-request-id: 1-users-12345-1\r\n"
      "x-ratelimit-limit-requests: 10000\r\nx-ratelimit-remaining-requests: 9999\r\n"
      "x-ratelimit-reset-requests: 6ms\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (auto _ : state) {
    ResponseHead head;
    std::string_view bytes = text;
    if (head.feed(bytes) != ResponseHead::State::done) state.SkipWithError("no head");
    benchmark::DoNotOptimize(head.framing());
    benchmark::DoNotOptimize(rate_limits(head, 1'795'000'000).size());
  }
}
BENCHMARK(head)->Name("wire/head");

void request(benchmark::State& state) {
  Endpoint endpoint;
  endpoint.model = "llama-3.1-8b";
  const PromptSource prompts({}, 1, 0);
  const RequestWriter writer(endpoint, std::get<Url>(parse_url("http://127.0.0.1:8000/v1")), {},
                             "key", prompts);
  RequestText text;
  text.prompt_tokens = state.range(0);
  text.output_tokens = 100;
  text.request_id = "1-users-12345-1";
  std::string out;
  for (auto _ : state) {
    ++text.key;
    writer.write(text, out);
    benchmark::DoNotOptimize(out.data());
  }
  state.counters["bytes"] = static_cast<double>(out.size());
}
BENCHMARK(request)->Name("wire/request")->ArgName("tokens")->Arg(1)->Arg(512)->Arg(8192);

}  // namespace
}  // namespace tokenlift::micro_wire
