#include "bench/command/surroundings.hpp"

#include <algorithm>
#include <cerrno>
#include <sstream>
#include <system_error>

#include "bench/machine/output_folder.hpp"
#include "bench/machine/progress.hpp"
#include "reports/text/visible.hpp"
#include "workloads/text/did_you_mean.hpp"
#include "workloads/text/utf8.hpp"

namespace tokenlift {

const std::atomic<bool>& stop_of(const Surroundings& surroundings) {
  if (surroundings.looks_at_stop != nullptr) *surroundings.looks_at_stop = true;
  return *surroundings.stop;
}

std::string suggestion(const std::string& word, const std::vector<std::string>& candidates,
                       const std::string& otherwise) {
  const auto meant = did_you_mean(word, candidates);
  return meant ? fmt::format("did you mean '{}'?", *meant) : otherwise;
}

TextStyle style_of(const Surroundings& surroundings) {
  const int columns = terminal_columns(surroundings.out, 100);
  const bool terminal = surroundings.out_is_terminal;
  return {terminal && !surroundings.no_color, columns, terminal ? columns : 0};
}

std::string visible_lines(const std::string& text) {
  std::string shown;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) shown += visible(line) + "\n";
  return shown;
}

std::string without_long_words(const std::string& text) {
  constexpr std::size_t kLongestWord = 1000;
  constexpr std::size_t kLongestLine = 4000;
  std::string shown;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::string cut;
    for (std::string_view rest = line; !rest.empty();) {
      const std::string_view word = rest.substr(0, rest.find(' '));
      rest.remove_prefix(word.size());
      const std::size_t blanks = std::min(rest.find_first_not_of(' '), rest.size());
      cut += cut_behind(word, kLongestWord);
      cut += rest.substr(0, blanks);
      rest.remove_prefix(blanks);
    }
    shown += cut_behind(cut, kLongestLine) + "\n";
  }
  return shown;
}

void complain(const Surroundings& surroundings, const std::string& text) {
  const std::string shown = visible_lines(without_long_words(text));
  std::fputs(fmt::format("tokenlift: {}", shown).c_str(), surroundings.err);
}

void print_result(const Surroundings& surroundings, const std::string& text) {
  // A long text is written in part before the flush: either may be what fails.
  const bool arrived = std::fwrite(text.data(), 1, text.size(), surroundings.out) == text.size() &&
                       std::fflush(surroundings.out) == 0;
  if (!arrived && errno != EPIPE) {
    throw MachineError(
        fmt::format("cannot write to stdout: {}", std::generic_category().message(errno)));
  }
}

void require_no_html_on_terminal(const Surroundings& surroundings, const std::string& format) {
  if (format == "html" && surroundings.out_is_terminal) {
    throw UsageError("a page is nothing for a terminal: give --out report.html, or redirect it");
  }
}

void print_report(const Surroundings& surroundings, const std::string& format,
                  const std::string& report, const std::string& files) {
  if (format == "text") {
    print_result(surroundings, report + "\n" + visible_lines(files));
  } else {
    print_result(surroundings, report);
    std::fputs(visible_lines(files).c_str(), surroundings.err);
  }
}

}  // namespace tokenlift
