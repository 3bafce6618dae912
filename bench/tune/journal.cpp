#include "bench/tune/journal.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "bench/machine/input_file.hpp"
#include "bench/machine/output_folder.hpp"
#include "reports/json/json_run.hpp"
#include "reports/record/bounds.hpp"

namespace tokenlift {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail_to_write(const fs::path& file, int error) {
  throw MachineError(
      fmt::format("cannot write '{}': {}", file.string(), std::generic_category().message(error)));
}

/// The lines that were written to their end; none where there is no file. What cannot be read is an
/// error, not empty: a journal is cut behind its whole lines. Throws RunFileError.
std::string whole_lines(const fs::path& file) {
  FileText read = read_whole(file, [](std::string_view) { return kMostTextBytes; });
  if (read.error == ENOENT) return "";
  if (read.error == EFBIG) {
    throw RunFileError(file.string(), "",
                       fmt::format("the file is larger than {} MiB, which is the most that is read",
                                   kMostTextBytes >> 20));
  }
  if (read.error != 0) {
    throw RunFileError(file.string(), "",
                       "it cannot be read: " + std::generic_category().message(read.error));
  }
  read.text.resize(read.text.rfind('\n') + 1);  // none: npos + 1 is 0
  return std::move(read.text);
}

std::string at_line(const fs::path& file, std::size_t number) {
  return fmt::format("{}, line {}", file.string(), number);
}

}  // namespace

std::optional<JournalHead> TuningJournal::head_in(const fs::path& folder) {
  const fs::path file = folder / kJournalFile;
  const std::string lines = whole_lines(file);
  if (lines.empty()) return std::nullopt;
  return read_journal_head(lines.substr(0, lines.find('\n')), at_line(file, 1));
}

TuningJournal::TuningJournal(const fs::path& folder, const JournalHead& head)
    : file_name_(folder / kJournalFile) {
  const std::string lines = whole_lines(file_name_);
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < lines.size();) {
    const std::size_t end = lines.find('\n', begin);
    const std::string_view line = std::string_view(lines).substr(begin, end - begin);
    begin = end + 1;
    if (++number == 1) {
      if (read_journal_head(line, at_line(file_name_, 1)) == head) continue;
      throw OtherSearch(fmt::format(
          "'{}' holds a search of another scenario, or of the same one with other settings: resume "
          "it with the command that began it, or give another folder",
          folder.string()));
    }
    figures_.insert(read_journal_line(line, at_line(file_name_, number)));
  }
  found_ = figures_.size();
  file_ = ::open(file_name_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (file_ < 0) fail_to_write(file_name_, errno);
  if (::ftruncate(file_, static_cast<off_t>(lines.size())) != 0 ||
      ::lseek(file_, 0, SEEK_END) < 0) {
    fail_to_write(file_name_, errno);
  }
  if (lines.empty()) write(journal_line(head));
}

TuningJournal::~TuningJournal() {
  if (file_ >= 0) ::close(file_);
}

void TuningJournal::write(const std::string& line) {
  if (const int error = write_to(file_, line)) fail_to_write(file_name_, error);
}

std::optional<TuningFigures> TuningJournal::find(const std::string& attempt) const {
  const std::lock_guard lock(mutex_);
  const auto found = figures_.find(attempt);
  return found == figures_.end() ? std::nullopt : std::optional(found->second);
}

void TuningJournal::add(const std::string& attempt, const TuningFigures& figures) {
  const std::lock_guard lock(mutex_);
  write(journal_line(attempt, figures));
  figures_.emplace(attempt, figures);
}

std::string name_of(const Attempt& attempt, const std::vector<std::string>& settings) {
  std::string name = fmt::format("{} x {}, {}", attempt.effort.runs, attempt.effort.length_share,
                                 name_of(attempt.stress));
  const Enlargement& larger = attempt.larger;
  if (larger.fleet != 1) name += fmt::format(", fleet x {}", larger.fleet);
  if (larger.limits != 1) name += fmt::format(", limits {}x {}", larger.throttle, larger.limits);
  if (attempt.by_run) name += ", by run";
  for (const std::string& word : settings) name += " | " + word;
  return name;
}

}  // namespace tokenlift
