#include "bench/ranks/mail.hpp"

#include <fmt/format.h>
#include <mpi.h>

#include <array>
#include <climits>
#include <cstring>
#include <utility>

#include "bench/machine/output_folder.hpp"

namespace tokenlift {

namespace {

constexpr std::size_t kLongestGathered = 1000;

}  // namespace

struct RankMail::Posted {
  std::string text;  // stays where it is until it has gone out
  MPI_Request request = MPI_REQUEST_NULL;
};

// Whatever fails within MPI ends all ranks: that is its default, and there is nothing to be saved
// that is not on disk.

RankMail::RankMail(int& argc, char**& argv) {
  int provided = MPI_THREAD_SINGLE;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_SERIALIZED, &provided);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
  MPI_Comm_size(MPI_COMM_WORLD, &count_);
  if (provided < MPI_THREAD_SERIALIZED) {
    MPI_Finalize();
    throw MachineError("this MPI was built without threads: it must allow MPI_THREAD_SERIALIZED");
  }
  MPI_Comm machine = MPI_COMM_NULL;
  MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &machine);
  MPI_Comm_size(machine, &on_this_machine_);
  MPI_Comm_free(&machine);
}

RankMail::~RankMail() {
  flush();
  MPI_Finalize();
}

void RankMail::post(int to, Tag tag, std::string text) {
  if (text.size() > INT_MAX) {
    throw MachineError(
        fmt::format("{} bytes are more than one message between ranks may have", text.size()));
  }
  auto posted = std::make_unique<Posted>();
  posted->text = std::move(text);
  MPI_Isend(posted->text.data(), static_cast<int>(posted->text.size()), MPI_BYTE, to,
            static_cast<int>(tag), MPI_COMM_WORLD, &posted->request);
  posted_.push_back(std::move(posted));
}

void RankMail::move_on() {
  std::erase_if(posted_, [](const std::unique_ptr<Posted>& posted) {
    int gone = 0;
    MPI_Test(&posted->request, &gone, MPI_STATUS_IGNORE);
    return gone != 0;
  });
}

void RankMail::flush() {
  for (const std::unique_ptr<Posted>& posted : posted_) {
    MPI_Wait(&posted->request, MPI_STATUS_IGNORE);
  }
  posted_.clear();
}

std::optional<Letter> RankMail::collect() {
  move_on();
  int there = 0;
  MPI_Status status;
  MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &there, &status);
  if (there == 0) return std::nullopt;
  int bytes = 0;
  MPI_Get_count(&status, MPI_BYTE, &bytes);
  Letter letter{status.MPI_SOURCE, static_cast<Tag>(status.MPI_TAG),
                std::string(static_cast<std::size_t>(bytes), '\0')};
  // Two that wait for each other to receive would wait forever: what was posted goes on meanwhile.
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Irecv(letter.text.data(), bytes, MPI_BYTE, letter.from, status.MPI_TAG, MPI_COMM_WORLD,
            &request);
  for (int arrived = 0; arrived == 0;) {
    MPI_Test(&request, &arrived, MPI_STATUS_IGNORE);
    if (arrived == 0) move_on();
  }
  return letter;
}

std::vector<std::string> RankMail::gather(const std::string& text) const {
  std::array<char, kLongestGathered> own{};
  std::memcpy(own.data(), text.data(), std::min(text.size(), own.size()));
  const auto count = static_cast<std::size_t>(rank_ == 0 ? count_ : 0);
  std::vector<char> all(count * own.size());
  MPI_Gather(own.data(), static_cast<int>(own.size()), MPI_BYTE, all.data(),
             static_cast<int>(own.size()), MPI_BYTE, 0, MPI_COMM_WORLD);
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < count; ++i) {
    texts.emplace_back(all.data() + i * own.size(), own.size());
  }
  return texts;
}

bool RankMail::told_by_rank_0(bool flag) {
  int said = flag ? 1 : 0;
  MPI_Bcast(&said, 1, MPI_INT, 0, MPI_COMM_WORLD);
  return said != 0;
}

void RankMail::send_number(int to, std::int64_t number) {
  MPI_Send(&number, 1, MPI_INT64_T, to, static_cast<int>(Tag::ping), MPI_COMM_WORLD);
}

std::int64_t RankMail::receive_number(int from) {
  std::int64_t number = 0;
  MPI_Recv(&number, 1, MPI_INT64_T, from, static_cast<int>(Tag::ping), MPI_COMM_WORLD,
           MPI_STATUS_IGNORE);
  return number;
}

}  // namespace tokenlift
