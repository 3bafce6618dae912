#pragma once
// Messages between ranks. All that is of MPI is in mail.cpp.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tokenlift {

enum class Tag : int {
  item = 1,  ///< to be computed
  result,    ///< what became of it
  cut,       ///< what is under way is to end early
  end,       ///< nothing more will come
  clock,     ///< the two are about to compare their clocks
  ping       ///< of these
};

struct Letter {
  int from = 0;
  Tag tag = Tag::end;
  std::string text;
};

/// One per process, from its beginning to its end. Calls from several threads must not overlap.
class RankMail {
 public:
  /// Returns when all ranks have got here. Throws MachineError.
  RankMail(int& argc, char**& argv);
  /// Returns when all ranks have got there.
  ~RankMail();
  RankMail(const RankMail&) = delete;
  RankMail& operator=(const RankMail&) = delete;

  int rank() const { return rank_; }
  int count() const { return count_; }
  int on_this_machine() const { return on_this_machine_; }  ///< ranks, this one included

  /// Does not wait for who is to get it; letters to one rank arrive in order. Throws MachineError
  /// where it is too long (2 GB).
  void post(int to, Tag tag, std::string text);
  /// One that has come, if any. What was posted moves on only while somebody collects, or flushes.
  std::optional<Letter> collect();
  /// Returns when everything that was posted has gone out.
  void flush();

  /// All ranks call it at the same time: at rank 0 it returns what each had to say, by rank,
  /// elsewhere nothing. 1,000 bytes at most.
  std::vector<std::string> gather(const std::string& text) const;
  /// All ranks call it at the same time: what rank 0 says.
  bool told_by_rank_0(bool flag);

  /// The shortest way of saying a number: waits for the other rank, and spins meanwhile.
  void send_number(int to, std::int64_t number);
  std::int64_t receive_number(int from);

 private:
  struct Posted;
  void move_on();

  int rank_ = 0;
  int count_ = 1;
  int on_this_machine_ = 1;
  std::vector<std::unique_ptr<Posted>> posted_;
};

}  // namespace tokenlift
