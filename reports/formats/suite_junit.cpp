#include "reports/formats/suite_junit.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "reports/findings/gains_table.hpp"
#include "reports/text/html_text.hpp"
#include "reports/text/utf8.hpp"

namespace tokenlift {
namespace {

constexpr const char* kMeasured = "is a valid measurement";

/// What CI systems show of one test.
struct TestCase {
  std::string name;
  const char* element = nullptr;  ///< "failure", "error" or "skipped"; nullptr: it passed
  std::string type = {};
  std::string message = {};
};

TestCase measurement_of(const CaseReport& report) {
  switch (report.status) {
    case CaseStatus::done:
      return {kMeasured};
    case CaseStatus::invalid:
      return {kMeasured, "failure", "invalid", fmt::format("{}", fmt::join(report.validity, "\n"))};
    case CaseStatus::failed:
    case CaseStatus::interrupted:
      return {kMeasured, "error", std::string(name_of(report.status)),
              report.failure.empty() ? std::string(name_of(report.status)) : report.failure};
    case CaseStatus::not_run:
      break;
  }
  return {kMeasured, "skipped", "", report.failure.empty() ? "not run" : report.failure};
}

TestCase test_of(const CaseReport& report, const ObjectiveResult& objective) {
  if (objective.met) return {objective.text};
  // Where the case itself is an error, or was not run, its objectives say nothing more.
  if (report.status != CaseStatus::done && report.status != CaseStatus::invalid) {
    return {objective.text, "skipped", "", std::string(name_of(report.status))};
  }
  return {objective.text, "failure", "objective", missed_text(objective)};
}

/// Of a case that is a sweep each point is one of the comparison: CASE/KEY=VALUE.
bool is_of(const CaseComparison& one, const CaseReport& report) {
  return one.name == report.name || (report.sweep && one.name.starts_with(report.name + "/"));
}

/// Nothing where the case was not compared.
std::optional<TestCase> gate_of(const CaseReport& report, const Comparison* comparison) {
  if (comparison == nullptr) return std::nullopt;
  std::vector<std::string> problems, lines;
  bool compared = false, worse = false;
  for (const CaseComparison& one : comparison->cases) {
    if (!is_of(one, report)) continue;
    compared = true;
    problems.insert(problems.end(), one.problems.begin(), one.problems.end());
    const bool is_point = one.name != report.name;
    const std::string where = is_point ? " at " + one.name.substr(report.name.size() + 1) : "";
    for (const ComparedFigure& figure : one.figures) {
      if (!figure.primary) continue;
      if (figure.reading != Reading::worse && figure.reading != Reading::open) continue;
      worse = worse || figure.reading == Reading::worse;
      lines.push_back(fmt::format("{} in {}{} is {}", gain_label(figure.name), figure.phase, where,
                                  name_of(figure.reading)));
    }
  }
  if (!compared) return std::nullopt;
  constexpr const char* kName = "is no worse than the base";
  if (!problems.empty()) {
    return TestCase{kName, "skipped", "", fmt::format("{}", fmt::join(problems, "\n"))};
  }
  if (lines.empty()) return TestCase{kName};
  return TestCase{kName, "failure", worse ? "worse" : "open",
                  fmt::format("{}", fmt::join(lines, "\n"))};
}

std::vector<TestCase> tests_of(const CaseReport& report, const Comparison* comparison) {
  std::vector<TestCase> tests = {measurement_of(report)};
  if (auto gate = gate_of(report, comparison)) tests.push_back(std::move(*gate));
  for (const ObjectiveResult& objective : report.objectives) {
    tests.push_back(test_of(report, objective));
  }
  return tests;
}

struct Tally {
  std::size_t tests = 0, failures = 0, errors = 0, skipped = 0;
  double time_s = 0;

  void add(const TestCase& test) {
    ++tests;
    const std::string_view element = test.element == nullptr ? "" : test.element;
    failures += element == "failure" ? 1 : 0;
    errors += element == "error" ? 1 : 0;
    skipped += element == "skipped" ? 1 : 0;
  }

  std::string attributes() const {
    return fmt::format(R"(tests="{}" failures="{}" errors="{}" skipped="{}" time="{:.3f}")", tests,
                       failures, errors, skipped, time_s);
  }
};

/// XML knows fewer characters than HTML shows: U+FFFE and U+FFFF are none. Line breaks in an
/// attribute would be read as spaces.
std::string xml(std::string_view text) {
  std::string out = escaped(text);
  for (const std::string_view bad : {"\xEF\xBF\xBE", "\xEF\xBF\xBF"}) {
    for (auto at = out.find(bad); at != std::string::npos; at = out.find(bad, at)) {
      out.replace(at, bad.size(), kReplacement);
    }
  }
  for (auto at = out.find('\n'); at != std::string::npos; at = out.find('\n', at)) {
    out.replace(at, 1, "&#10;");
  }
  return out;
}

std::string test_xml(const std::string& classname, const TestCase& test, double time_s) {
  std::string out = fmt::format("    <testcase name=\"{}\" classname=\"{}\" time=\"{:.3f}\"",
                                xml(test.name), classname, time_s);
  if (test.element == nullptr) return out + "/>\n";
  const std::string message = xml(test.message);
  out += fmt::format(">\n      <{} message=\"{}\"", test.element, message);
  // Of skipped tests readers know no more than the message.
  if (test.type.empty()) return out + "/>\n    </testcase>\n";
  return out + fmt::format(" type=\"{}\">{}</{}>\n    </testcase>\n", xml(test.type), message,
                           test.element);
}

}  // namespace

std::string suite_junit(const SuiteReport& suite, const Comparison* comparison) {
  Tally all;
  std::string suites;
  for (const CaseReport& report : suite.cases) {
    Tally tally;
    tally.time_s = report.elapsed_s;
    std::string tests;
    // The time of the case stands once: readers add up that of its tests.
    double time_s = report.elapsed_s;
    // Readers cut classes at full stops; slashes become their levels.
    std::string classname = suite.name + "." + report.name;
    std::replace(classname.begin() + static_cast<std::ptrdiff_t>(suite.name.size()) + 1,
                 classname.end(), '.', '_');
    std::replace(classname.begin(), classname.end(), '/', '.');
    for (const TestCase& test : tests_of(report, comparison)) {
      tally.add(test);
      all.add(test);
      tests += test_xml(xml(classname), test, time_s);
      time_s = 0;
    }
    all.time_s += tally.time_s;
    suites += fmt::format("  <testsuite name=\"{}\" {}", xml(report.name), tally.attributes());
    if (!suite.started_at.empty()) suites += " timestamp=\"" + xml(suite.started_at) + "\"";
    suites += ">\n" + tests + "  </testsuite>\n";
  }
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" +
         fmt::format("<testsuites name=\"{}\" {}>\n", xml(suite.name), all.attributes()) + suites +
         "</testsuites>\n";
}

}  // namespace tokenlift
