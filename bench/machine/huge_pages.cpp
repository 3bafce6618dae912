#include "bench/machine/huge_pages.hpp"

#include <sys/mman.h>

#include <cstdint>
#include <new>

namespace tokenlift {

namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

std::size_t rounded_up(std::size_t bytes) {
  return (bytes + kHugePage - 1) / kHugePage * kHugePage;
}

}  // namespace

void* HugePages::do_allocate(std::size_t bytes, std::size_t alignment) {
  if (bytes < kHugePage) return std::pmr::new_delete_resource()->allocate(bytes, alignment);
  const std::size_t size = rounded_up(bytes);
  // The kernel aligns a mapping to its small pages: what sticks out at both ends goes back.
  void* mapping = mmap(nullptr, size + kHugePage, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) throw std::bad_alloc();
  auto* const begin = static_cast<char*>(mapping);
  const std::size_t before =
      (kHugePage - reinterpret_cast<std::uintptr_t>(begin) % kHugePage) % kHugePage;
  if (before > 0) munmap(begin, before);
  munmap(begin + before + size, kHugePage - before);
  madvise(begin + before, size, MADV_HUGEPAGE);  // a wish: without it everything works the same
  return begin + before;
}

void HugePages::do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) {
  if (bytes < kHugePage) {
    std::pmr::new_delete_resource()->deallocate(memory, bytes, alignment);
  } else {
    munmap(memory, rounded_up(bytes));
  }
}

}  // namespace tokenlift
