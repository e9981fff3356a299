// The order of the atomic steps is what keeps writes from getting lost: change it with care. All
// are sequentially consistent: whoever reads the volume afterwards does so after the last word was
// taken.
#include "marks.h"

#include <algorithm>
#include <atomic>
#include <bit>

namespace fastsync {

namespace {

constexpr unsigned kWordBits = 64;

using Shared = std::atomic_ref<uint64_t>;

/// Makes extents of bits that come in ascending order.
class ExtentsOfBits {
 public:
  explicit ExtentsOfBits(MarkScale scale) : scale_(scale) {}

  void add(size_t index, uint64_t word) {
    const uint64_t base = index * kWordBits;
    while (word != 0) {
      const auto first = static_cast<unsigned>(std::countr_zero(word));
      const auto count = static_cast<unsigned>(std::countr_one(word >> first));
      addRun(base + first, count);
      if (first + count >= kWordBits) return;
      word &= ~uint64_t{0} << (first + count);
    }
  }

  std::vector<Extent> finish() { return std::move(extents_); }

 private:
  void addRun(uint64_t firstBit, uint64_t count) {
    const uint64_t start = firstBit * scale_.markBytes;
    if (start >= scale_.volumeBytes) return;
    const uint64_t end = std::min(start + count * scale_.markBytes, scale_.volumeBytes);
    if (!extents_.empty() && extents_.back().end() == start) {
      extents_.back().length = end - extents_.back().start;
    } else {
      extents_.push_back({start, end - start});
    }
  }

  MarkScale scale_;
  std::vector<Extent> extents_;
};

}  // namespace

uint64_t MarkScale::words() const {
  const uint64_t marks = (volumeBytes + markBytes - 1) / markBytes;
  return (marks + kWordBits - 1) / kWordBits;
}

std::vector<Extent> takeMarks(MarkWords words, MarkScale scale) {
  ExtentsOfBits extents(scale);
  for (size_t i = 0; i < words.size(); ++i) {
    const Shared word(words[i]);
    // Most words are empty: looking first leaves their cache lines where they are.
    if (word.load() == 0) continue;
    extents.add(i, word.exchange(0));
  }
  return extents.finish();
}

std::vector<Extent> readMarks(MarkWords words, MarkWords others, MarkScale scale) {
  ExtentsOfBits extents(scale);
  for (size_t i = 0; i < words.size(); ++i) {
    uint64_t word = Shared(words[i]).load();
    if (i < others.size()) word |= Shared(others[i]).load();
    extents.add(i, word);
  }
  return extents.finish();
}

void holdMarks(MarkWords live, MarkWords held) {
  for (size_t i = 0; i < live.size(); ++i) {
    const Shared from(live[i]);
    const uint64_t word = from.load();
    if (word == 0) continue;
    // First there, then gone here. A bit that is set once more in between is not lost by being
    // cleared: it is held already, and its write was there before the held ones are read.
    Shared(held[i]).fetch_or(word);
    from.fetch_and(~word);
  }
}

void clearMarks(MarkWords held) {
  for (uint64_t& word : held) Shared(word).store(0);
}

}  // namespace fastsync
