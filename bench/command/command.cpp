#include "bench/command/command.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "workloads/text/quantity.hpp"

namespace tokenlift {

namespace {

/// Sets what the word says, if that is one of `words`.
Value one_of(std::vector<std::string> words, std::function<void(const std::string&)> set) {
  std::string type = fmt::format("{{{}}}", fmt::join(words, ","));
  return {std::move(type),
          [words = std::move(words), set = std::move(set)](const std::string& word) {
            if (std::find(words.begin(), words.end(), word) == words.end()) {
              const std::string known = fmt::format("known are {}", fmt::join(words, ", "));
              return fmt::format("'{}' is not known; {}", word, suggestion(word, words, known));
            }
            set(word);
            return std::string();
          }};
}

/// Sets the number, if it is one and within the bounds.
Value whole(std::int64_t least, std::int64_t most, std::function<void(std::int64_t)> set) {
  const std::string upper = most == kAnyWhole ? "2^63 - 1" : std::to_string(most);
  const std::string bounds = fmt::format("{} to {}", least, upper);
  return {fmt::format("N ({})", bounds),
          [least, most, bounds, set = std::move(set)](const std::string& word) {
            std::int64_t number = 0;
            const char* const end = word.data() + word.size();
            const auto [stopped, error] = std::from_chars(word.data(), end, number);
            if (error != std::errc{} || stopped != end || number < least || number > most) {
              return fmt::format("'{}' is not a whole number from {}", word, bounds);
            }
            set(number);
            return std::string();
          }};
}

/// "5000000", "5M" or "500k"; nothing where it is none.
std::optional<std::int64_t> parse_requests(const std::string& word) {
  constexpr std::int64_t kMost = std::int64_t{1} << 53;
  std::int64_t number = 0;
  const char* const end = word.data() + word.size();
  const auto [stopped, error] = std::from_chars(word.data(), end, number);
  if (error != std::errc{}) return std::nullopt;
  const std::string unit(stopped, end);
  std::int64_t scale = 1;
  if (unit == "k" || unit == "K") scale = 1'000;
  if (unit == "m" || unit == "M") scale = 1'000'000;
  if ((!unit.empty() && scale == 1) || number < 1 || number > kMost / scale) return std::nullopt;
  return number * scale;
}

}  // namespace

bool is_by_place(const Option& option) {
  return !option.name.starts_with('-');
}

Value text(std::string& target, std::string type) {
  return {std::move(type), [&target](const std::string& word) {
            target = word;
            return std::string();
          }};
}

Value texts(std::vector<std::string>& target, std::string type) {
  return {std::move(type),
          [&target](const std::string& word) {
            target.push_back(word);
            return std::string();
          },
          true};
}

Value name(std::string& target, std::string type) {
  return {std::move(type), [&target](const std::string& word) {
            target = word;
            return std::string(word.empty() ? "the name is empty: give one, or leave the option out"
                                            : "");
          }};
}

Value some_of(std::vector<std::string>& target, std::vector<std::string> words, std::string what) {
  return {"NAMES",
          [&target, words = std::move(words), what = std::move(what)](const std::string& given) {
            target.clear();
            if (given == "all") {
              target = words;
              return std::string();
            }
            for (std::size_t begin = 0; begin <= given.size();) {
              const std::size_t end = std::min(given.find(',', begin), given.size());
              std::string word = given.substr(begin, end - begin);
              if (std::find(words.begin(), words.end(), word) == words.end()) {
                const std::string known = fmt::format("known are {}", fmt::join(words, ", "));
                return fmt::format("'{}' is no {}; {}", word, what, suggestion(word, words, known));
              }
              if (std::find(target.begin(), target.end(), word) == target.end()) {
                target.push_back(std::move(word));
              }
              begin = end + 1;
            }
            return std::string();
          }};
}

Value flag(bool& target) {
  return {"",
          [&target](const std::string&) {
            target = true;
            return std::string();
          },
          false, true};
}

Value one_of(std::string& target, std::vector<std::string> words) {
  return one_of(std::move(words), [&target](const std::string& word) { target = word; });
}

Value one_of(std::optional<std::string>& target, std::vector<std::string> words) {
  return one_of(std::move(words), [&target](const std::string& word) { target = word; });
}

Value whole(std::uint64_t& target, std::int64_t least, std::int64_t most) {
  return whole(least, most,
               [&target](std::int64_t number) { target = static_cast<std::uint64_t>(number); });
}

Value whole(std::optional<std::uint64_t>& target, std::int64_t least, std::int64_t most) {
  return whole(least, most,
               [&target](std::int64_t number) { target = static_cast<std::uint64_t>(number); });
}

Value whole(std::optional<std::int64_t>& target, std::int64_t least, std::int64_t most) {
  return whole(least, most, [&target](std::int64_t number) { target = number; });
}

Value requests(std::optional<std::int64_t>& target) {
  return {"REQUESTS", [&target](const std::string& word) {
            target = parse_requests(word);
            return target
                       ? std::string()
                       : fmt::format("'{}' is no number of requests from 1 to 2^53, as 5M or 500k",
                                     word);
          }};
}

Value duration(std::optional<std::int64_t>& target_ns) {
  return {"DURATION", [&target_ns](const std::string& word) {
            const Quantity<std::int64_t> time = parse_duration_ns(word);
            if (!time.value) {
              return time.problem + (time.advice.empty() ? "" : "; " + time.advice);
            }
            if (*time.value <= 0) return fmt::format("'{}' is no time to measure in", word);
            target_ns = time.value;
            return std::string();
          }};
}

Option stdout_format_option(std::string& format) {
  return {"--format", one_of(format, {"text", "markdown", "html", "json"}),
          "what stdout gets: text; markdown: to paste into a pull request; html: the page; json: "
          "everything. Where the files are is then said on stderr (default: text)"};
}

}  // namespace tokenlift
