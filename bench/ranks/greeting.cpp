#include "bench/ranks/greeting.hpp"

#include <elf.h>
#include <fmt/format.h>
#include <link.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <string_view>

#include "bench/machine/host.hpp"
#include "bench/machine/parcel.hpp"

namespace tokenlift {

namespace {

/// Of the notes in a segment that which the linker has left: a digest of the program.
std::string build_in(const char* notes, std::size_t bytes) {
  const auto padded = [](std::size_t size) { return (size + 3) / 4 * 4; };
  while (bytes >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) note;
    std::memcpy(&note, notes, sizeof note);
    const std::size_t whole = sizeof note + padded(note.n_namesz) + padded(note.n_descsz);
    if (whole > bytes) break;
    const std::string_view name(notes + sizeof note, note.n_namesz);
    if (note.n_type == NT_GNU_BUILD_ID && name == std::string_view("GNU\0", 4)) {
      std::string build;
      const char* const digits = notes + sizeof note + padded(note.n_namesz);
      for (std::size_t i = 0; i < note.n_descsz; ++i) {
        build += fmt::format("{:02x}", static_cast<unsigned char>(digits[i]));
      }
      return build;
    }
    notes += whole;
    bytes -= whole;
  }
  return "";
}

/// Of the program itself, which comes before its libraries.
int note_build(dl_phdr_info* info, std::size_t, void* result) {
  for (ElfW(Half) i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = info->dlpi_phdr[i];
    if (segment.p_type != PT_NOTE) continue;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the loader says where it is as a number
    const auto* const notes = reinterpret_cast<const char*>(info->dlpi_addr + segment.p_vaddr);
    auto& build = *static_cast<std::string*>(result);
    build = build_in(notes, segment.p_memsz);
    if (!build.empty()) break;
  }
  return 1;
}

std::size_t cores_bound_to() {
  cpu_set_t cores;
  if (sched_getaffinity(0, sizeof cores, &cores) != 0) return core_count();
  return std::max<std::size_t>(1, static_cast<std::size_t>(CPU_COUNT(&cores)));
}

}  // namespace

std::size_t threads_of_rank(std::size_t cores, std::size_t bound_to, std::optional<double> quota,
                            std::size_t ranks_here) {
  if (bound_to < cores) return bound_to;
  const double usable = std::min(static_cast<double>(cores), quota.value_or(HUGE_VAL));
  return static_cast<std::size_t>(std::max(1.0, usable / static_cast<double>(ranks_here)));
}

Greeting greeting_of_process(std::size_t ranks_here) {
  Greeting greeting;
  greeting.version = TOKENLIFT_VERSION;
  dl_iterate_phdr(note_build, &greeting.build);
  std::array<char, 256> machine{};
  if (gethostname(machine.data(), machine.size() - 1) == 0) greeting.machine = machine.data();
  const auto cores = static_cast<std::size_t>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
  greeting.threads = threads_of_rank(cores, cores_bound_to(), cpu_quota(), ranks_here);
  return greeting;
}

std::vector<Greeting> exchange_greetings(RankMail& mail) {
  const Greeting own = greeting_of_process(static_cast<std::size_t>(mail.on_this_machine()));
  Parcel parcel;
  parcel.add(own.version).add(own.build).add(own.machine).add_number(own.threads);
  std::vector<Greeting> greetings;
  for (const std::string& text : mail.gather(parcel.take())) {
    OpenedParcel opened(text);
    Greeting& greeting = greetings.emplace_back();
    greeting.version = opened.text();
    greeting.build = opened.text();
    greeting.machine = opened.text();
    greeting.threads = opened.number();
  }
  return greetings;
}

std::string unlike_rank(const std::vector<Greeting>& greetings) {
  const Greeting& first = greetings.front();
  for (std::size_t rank = 1; rank < greetings.size(); ++rank) {
    const Greeting& other = greetings[rank];
    if (other.version == first.version && other.build == first.build) continue;
    return fmt::format(
        "rank {} on {} is another program than rank 0 on {}: version {}, build {} there, {}, {} "
        "here; start the same file everywhere",
        rank, other.machine, first.machine, other.version, other.build.substr(0, 12), first.version,
        first.build.substr(0, 12));
  }
  return "";
}

}  // namespace tokenlift
