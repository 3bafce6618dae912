#include "workloads/trace.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <limits>

#include "workloads/mistake.hpp"
#include "workloads/quantity.hpp"

namespace tokenlift {

namespace {

constexpr std::string_view kHeader = "TIMESTAMP,ContextTokens,GeneratedTokens";
constexpr std::size_t kLineBytesMax = 256;  // a good line has about 40
constexpr std::size_t kBufferBytes = 1 << 16;
constexpr std::int64_t kTokensMax = 1'000'000'000;

// A whole number of 1 to `digits_max` digits at the front of `text`, which is consumed.
std::optional<std::int64_t> take_digits(std::string_view& text, std::size_t digits_min,
                                        std::size_t digits_max) {
  std::size_t count = 0;
  std::int64_t value = 0;
  while (count < text.size() && count < digits_max && text[count] >= '0' && text[count] <= '9') {
    value = value * 10 + (text[count] - '0');
    ++count;
  }
  if (count < digits_min) return std::nullopt;
  text.remove_prefix(count);
  return value;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<std::int64_t> parse_fraction_ns(std::string_view& text) {
  std::int64_t ns = 0;
  std::int64_t place_ns = 100'000'000;
  std::size_t digits = 0;
  while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
    if (++digits > 9) return std::nullopt;
    ns += (text[0] - '0') * place_ns;
    place_ns /= 10;
    text.remove_prefix(1);
  }
  if (digits == 0) return std::nullopt;
  return ns;
}

// ns since 1970-01-01, of a date in 1970 ... 2199 (the range of int64 ends in 2262).
std::optional<std::int64_t> parse_timestamp_ns(std::string_view text) {
  const auto year = take_digits(text, 4, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  const auto month = take_digits(text, 2, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = take_digits(text, 2, 2);
  if (!day || !take(text, ' ')) return std::nullopt;
  const auto hour = take_digits(text, 2, 2);
  if (!hour || !take(text, ':')) return std::nullopt;
  const auto minute = take_digits(text, 2, 2);
  if (!minute || !take(text, ':')) return std::nullopt;
  const auto second = take_digits(text, 2, 2);
  if (!second) return std::nullopt;
  std::optional<std::int64_t> fraction_ns = 0;
  if (take(text, '.')) fraction_ns = parse_fraction_ns(text);
  if (!fraction_ns || (!text.empty() && text != "+00:00")) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok() || *year < 1970 || *year > 2199) return std::nullopt;
  if (*hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return (((days * 24 + *hour) * 60 + *minute) * 60 + *second) * 1'000'000'000 + *fraction_ns;
}

std::string_view without_carriage_return(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

TraceReader::TraceReader(const Trace& trace)
    : file_(trace.file),
      speed_(trace.speed),
      sample_(trace.sample),
      max_prompt_tokens_(trace.max_prompt_tokens.value_or(kTokensMax)),
      max_output_tokens_(trace.max_output_tokens.value_or(kTokensMax)),
      sample_draws_(0, Purpose::trace_sample, 0),
      buffer_(kBufferBytes) {
  // A pipe can't be read twice (once to check it, once to replay it), a directory not at all.
  std::error_code error;
  if (!std::filesystem::is_regular_file(file_, error)) {
    fail(std::filesystem::exists(file_, error) ? "the trace is not a regular file"
                                               : "there is no such trace file",
         "a relative name is looked for beside the scenario");
  }
  stream_.open(file_, std::ios::binary);
  if (!stream_) fail("the trace can't be opened", "check that it may be read");
  if (!read_line()) fail("the trace is empty", "it begins with " + std::string(kHeader));
  if (without_carriage_return(line_) != kHeader) {
    fail("the trace doesn't begin with its header",
         "the first line must be " + std::string(kHeader));
  }
}

void TraceReader::fail(const std::string& message, const std::string& advice) const {
  throw ScenarioError({Mistake{file_, line_number_, 0, message, advice, line_}});
}

bool TraceReader::refill() {
  stream_.read(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
  if (stream_.bad()) fail("the trace can't be read", "");
  buffer_begin_ = 0;
  buffer_end_ = static_cast<std::size_t>(stream_.gcount());
  return buffer_end_ > 0;
}

// Into line_, without the LF. False at the end of the file.
bool TraceReader::read_line() {
  line_.clear();
  bool any = false;
  for (;;) {
    if (buffer_begin_ == buffer_end_ && !refill()) break;
    if (!any) ++line_number_;
    any = true;
    const char* begin = buffer_.data() + buffer_begin_;
    const char* end = buffer_.data() + buffer_end_;
    const char* newline = std::find(begin, end, '\n');
    const auto length = static_cast<std::size_t>(newline - begin);
    line_.append(begin,
                 std::min(length, kLineBytesMax + 1 - std::min(line_.size(), kLineBytesMax)));
    if (line_.size() > kLineBytesMax) {
      fail("the line is longer than " + std::to_string(kLineBytesMax) + " bytes",
           "a line is TIMESTAMP,ContextTokens,GeneratedTokens");
    }
    buffer_begin_ += length + (newline == end ? 0 : 1);
    if (newline != end) return true;
  }
  return any;
}

TraceReader::Row TraceReader::parse_row() {
  std::string_view rest = without_carriage_return(line_);
  const std::size_t columns = 1 + static_cast<std::size_t>(std::ranges::count(rest, ','));
  if (columns != 3) {
    fail("the line has " + std::to_string(columns) + (columns == 1 ? " column" : " columns") +
             ", not 3",
         "a line is TIMESTAMP,ContextTokens,GeneratedTokens");
  }
  const auto column = [&rest] {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view text = rest.substr(0, comma);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    return text;
  };
  const auto tokens = [&](const char* name) {
    std::string_view text = column();
    const auto value = take_digits(text, 1, 10);
    if (!value || !text.empty() || *value < 1 || *value > kTokensMax) {
      fail(std::string(name) + " is not a whole number from 1 to " + std::to_string(kTokensMax),
           "remove the line, or correct the number");
    }
    return *value;
  };
  const auto timestamp_ns = parse_timestamp_ns(column());
  if (!timestamp_ns) {
    fail("the timestamp can't be read", "it looks like 2023-11-16 18:15:46.6805900");
  }
  if (*timestamp_ns < last_timestamp_ns_) {
    fail("the timestamp is earlier than the one before it", "sort the trace by TIMESTAMP");
  }
  last_timestamp_ns_ = *timestamp_ns;
  Row row{*timestamp_ns, 0, 0};
  row.prompt_tokens = tokens("ContextTokens");
  row.output_tokens = tokens("GeneratedTokens");
  return row;
}

std::optional<Arrival> TraceReader::next() {
  while (read_line()) {
    const Row row = parse_row();
    const std::uint64_t number = row_number_++;
    if (sample_ < 1 && sample_draws_.uniform(number) >= sample_) continue;
    if (!first_timestamp_ns_) first_timestamp_ns_ = row.timestamp_ns;
    // A double is exact to the ns for 104 days, and rounding keeps the order.
    const double due_ns =
        std::round(static_cast<double>(row.timestamp_ns - *first_timestamp_ns_) / speed_);
    if (due_ns > static_cast<double>(kLongestDurationNs)) {
      fail("the request is due more than 10000 days after the first", "use a higher speed");
    }
    return Arrival{static_cast<std::int64_t>(due_ns),
                   std::min(row.prompt_tokens, max_prompt_tokens_),
                   std::min(row.output_tokens, max_output_tokens_)};
  }
  return std::nullopt;
}

TraceSummary summarise(const Trace& trace) {
  TraceReader reader(trace);
  TraceSummary summary;
  std::int64_t prompt_tokens = 0;
  std::int64_t output_tokens = 0;
  while (const std::optional<Arrival> arrival = reader.next()) {
    ++summary.requests;
    summary.span_ns = arrival->due_ns;
    prompt_tokens += arrival->prompt_tokens;
    output_tokens += arrival->output_tokens;
    summary.prompt_max_tokens = std::max(summary.prompt_max_tokens, arrival->prompt_tokens);
    summary.output_max_tokens = std::max(summary.output_max_tokens, arrival->output_tokens);
  }
  if (summary.requests == 0) {
    throw ScenarioError({Mistake{trace.file, 0, 0, "no request is left of the trace",
                                 "it has no rows, or `sample` is too small", ""}});
  }
  const auto requests = static_cast<double>(summary.requests);
  summary.prompt_mean_tokens = static_cast<double>(prompt_tokens) / requests;
  summary.output_mean_tokens = static_cast<double>(output_tokens) / requests;
  return summary;
}

}  // namespace tokenlift
