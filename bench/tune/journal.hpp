#pragma once
// The attempts of a search on disk, written as they come: a search that was stopped goes on where
// it was, and one that is finished is told again without simulating.

#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>

#include "bench/tune/problem.hpp"
#include "reports/json/json_evaluation.hpp"

namespace tokenlift {

inline constexpr const char* kJournalFile = "journal.jsonl";

/// What is in a folder is another search.
class OtherSearch : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class TuningJournal {
 public:
  /// The head of the one in a folder; nothing where there is none. Throws RunFileError.
  static std::optional<JournalHead> head_in(const std::filesystem::path& folder);

  /// Begins one, or goes on with the one that is there, which must have the same head. A last line
  /// that was cut off is written anew. No other process may have it open: who has the folder claims
  /// it. Throws MachineError, RunFileError, OtherSearch; then nothing of it has changed.
  TuningJournal(const std::filesystem::path& folder, const JournalHead& head);
  ~TuningJournal();
  TuningJournal(const TuningJournal&) = delete;
  TuningJournal& operator=(const TuningJournal&) = delete;

  /// Both are safe to be used by several threads at once.
  std::optional<TuningFigures> find(const std::string& attempt) const;
  /// Throws MachineError.
  void add(const std::string& attempt, const TuningFigures& figures);

  /// How many attempts were there at the beginning.
  std::size_t found() const { return found_; }

 private:
  void write(const std::string& line);

  std::filesystem::path file_name_;
  int file_ = -1;
  mutable std::mutex mutex_;
  std::map<std::string, TuningFigures> figures_;
  std::size_t found_ = 0;
};

/// What a journal calls the attempt: its effort, and the words for --set that make it.
std::string name_of(const Attempt& attempt, const std::vector<std::string>& settings);

}  // namespace tokenlift
