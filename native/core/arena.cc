// First fit over a short free list: never more than a few hundred blocks are out.
#include "arena.h"

#include <sys/mman.h>

#include <cerrno>
#include <iterator>

#include "types.h"

namespace fastsync {

namespace {
constexpr uint64_t kPage = 4 * kKiB;
constexpr uint64_t kHugePage = 2 * kMiB;
}  // namespace

Arena::Arena(uint64_t bytes) {
  const uint64_t rounded = roundUp(bytes, kHugePage);
  void* address =
      ::mmap(nullptr, rounded, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (address == MAP_FAILED) throw SetupError({errno, "mmap", kSource, 0, rounded});
  ::madvise(address, rounded, MADV_HUGEPAGE);  // fewer pages to lock; no matter if refused
  memory_ = {static_cast<std::byte*>(address), rounded};
  free_.emplace(0, roundUp(bytes, kPage));
}

Arena::~Arena() { ::munmap(memory_.data(), memory_.size()); }

std::optional<Arena::Block> Arena::take(uint64_t bytes) {
  if (bytes == 0) return Block{memory_.data(), 0};  // even when all is taken
  const uint64_t wanted = roundUp(bytes, kPage);
  for (auto hole = free_.begin(); hole != free_.end(); ++hole) {
    const auto [offset, length] = *hole;
    if (length < wanted) continue;
    free_.erase(hole);
    if (length > wanted) free_.emplace(offset + wanted, length - wanted);
    return Block{memory_.data() + offset, wanted};
  }
  return std::nullopt;
}

void Arena::giveBack(const Block& block) {
  if (block.bytes == 0) return;
  auto offset = static_cast<uint64_t>(block.data - memory_.data());
  uint64_t length = block.bytes;
  auto after = free_.lower_bound(offset);
  if (after != free_.end() && after->first == offset + length) {
    length += after->second;
    after = free_.erase(after);
  }
  if (after != free_.begin()) {
    const auto before = std::prev(after);
    if (before->first + before->second == offset) {
      before->second += length;
      return;
    }
  }
  free_.emplace(offset, length);
}

}  // namespace fastsync
