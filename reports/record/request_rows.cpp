#include "reports/record/request_rows.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <stdexcept>

namespace tokenlift {

namespace {

constexpr std::size_t kFields = 18;

[[noreturn]] void fail(std::size_t line, const std::string& reason) {
  throw std::invalid_argument(fmt::format("line {}: {}", line, reason));
}

using Fields = std::array<std::string, kFields>;

/// Takes one record off the text: a field in quotation marks may hold anything, also ends of lines.
Fields take_record(std::string_view& text, std::size_t line) {
  Fields fields;
  for (std::size_t i = 0; i < kFields; ++i) {
    if (!text.empty() && text.front() == '"') {
      text.remove_prefix(1);
      while (true) {
        const auto quote = text.find('"');
        if (quote == std::string_view::npos) fail(line, "a quotation mark is not closed");
        fields[i] += text.substr(0, quote);
        text.remove_prefix(quote + 1);
        if (text.empty() || text.front() != '"') break;
        fields[i] += '"';
        text.remove_prefix(1);
      }
    } else {
      const auto end = std::min(text.find_first_of(",\n"), text.size());
      fields[i] = text.substr(0, end);
      text.remove_prefix(end);
    }
    const char expected = i + 1 < kFields ? ',' : '\n';
    if (text.empty() || text.front() != expected) {
      fail(line, fmt::format("not {} fields", kFields));
    }
    text.remove_prefix(1);
  }
  return fields;
}

/// -1 where there is none.
std::int64_t whole_number(const std::string& field, std::size_t line) {
  if (field.empty()) return -1;
  std::int64_t value = 0;
  const char* const end = field.data() + field.size();
  const auto [stopped, error] = std::from_chars(field.data(), end, value);
  if (error != std::errc{} || stopped != end || value < 0) {
    fail(line, fmt::format("'{}' is no whole number", field.substr(0, 40)));
  }
  return value;
}

/// Of what every request has.
std::int64_t count(const std::string& field, std::size_t line) {
  if (field.empty()) fail(line, "a number is missing");
  return whole_number(field, line);
}

/// Without the apostrophe that keeps spreadsheets from computing it.
std::string name_in(std::string field) {
  if (field.size() > 1 && field[0] == '\'' &&
      std::string_view("=+-@").find(field[1]) != std::string_view::npos) {
    field.erase(0, 1);
  }
  return field;
}

RequestRow row_of(Fields& fields, std::size_t line) {
  RequestRow row;
  row.repetition = static_cast<std::uint64_t>(count(fields[0], line));
  row.control = fields[1] == "control";
  row.outcome = std::move(fields[5]);
  row.attempts = static_cast<std::uint64_t>(count(fields[7], line));
  row.output_tokens = count(fields[9], line);
  row.due_ns = whole_number(fields[10], line);
  row.sent_ns = whole_number(fields[11], line);
  row.admitted_ns = whole_number(fields[12], line);
  row.first_token_ns = whole_number(fields[14], line);
  row.last_token_ns = whole_number(fields[15], line);
  row.request_id = name_in(std::move(fields[17]));
  if (row.outcome.empty()) fail(line, "it has no outcome");
  const bool in_order = row.due_ns >= 0 && row.admitted_ns >= row.due_ns &&
                        row.first_token_ns >= row.admitted_ns &&
                        row.last_token_ns >= row.first_token_ns;
  if (row.served() && !in_order) fail(line, "its instants contradict one another");
  if (row.outcome == "completed" && !row.served()) fail(line, "it completed without a token");
  return row;
}

}  // namespace

std::optional<double> RequestRow::tpot_ns() const {
  if (!served() || output_tokens < 2) return std::nullopt;
  return static_cast<double>(last_token_ns - first_token_ns) /
         static_cast<double>(output_tokens - 1);
}

std::vector<RequestRow> read_request_rows(std::string_view text) {
  const std::string_view head = text.substr(0, text.find('\n'));
  if (head != kRequestRowsHead) {
    const bool older = !head.empty() && kRequestRowsHead.starts_with(head);
    fail(1, older ? "the log is of an older version: it does not name its requests"
                  : "no log of requests (--records): its first line is another one");
  }
  text.remove_prefix(std::min(head.size() + 1, text.size()));
  std::vector<RequestRow> rows;
  for (std::size_t line = 2; !text.empty(); ++line) {
    Fields fields = take_record(text, line);
    rows.push_back(row_of(fields, line));
  }
  return rows;
}

}  // namespace tokenlift
