// The order of the atomic steps is what keeps writes from getting lost: change it with care. All
// are sequentially consistent: whoever reads the volume afterwards does so after the last word was
// taken.
#include "dirty_bitmap.h"

#include <algorithm>
#include <atomic>
#include <bit>

namespace fastsync {

namespace {

constexpr unsigned kWordBits = 64;

using Shared = std::atomic_ref<uint64_t>;

/// Makes extents of bits that come in ascending order: where there are too many, the closest are
/// joined, and from then on all that are as close.
class ExtentsOfBits {
 public:
  ExtentsOfBits(BitmapScale scale, size_t most) : scale_(scale), most_(most) {}

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

  DirtyExtents finish() { return std::move(dirty_); }

 private:
  void addRun(uint64_t firstBit, uint64_t count) {
    const uint64_t start = firstBit * scale_.granularityBytes;
    if (start >= scale_.volumeBytes) return;
    const uint64_t end = std::min(start + count * scale_.granularityBytes, scale_.volumeBytes);
    while (dirty_.extents.size() >= most_) {
      joinedGap_ = std::max(scale_.granularityBytes, joinedGap_ * 2);
      join();
    }
    append(dirty_.extents, {start, end - start});
  }

  void append(std::vector<Extent>& extents, Extent next) {
    if (extents.empty() || next.start - extents.back().end() > joinedGap_) {
      extents.push_back(next);
      return;
    }
    Extent& last = extents.back();
    dirty_.joined = dirty_.joined || next.start != last.end();
    last.length = next.end() - last.start;
  }

  /// In place: what is kept never overtakes what is read.
  void join() {
    std::vector<Extent>& extents = dirty_.extents;
    size_t kept = 0;
    for (size_t i = 1; i < extents.size(); ++i) {
      if (extents[i].start - extents[kept].end() > joinedGap_) {
        extents[++kept] = extents[i];
        continue;
      }
      dirty_.joined = true;
      extents[kept].length = extents[i].end() - extents[kept].start;
    }
    extents.resize(kept + 1);
  }

  BitmapScale scale_;
  size_t most_;
  uint64_t joinedGap_ = 0;
  DirtyExtents dirty_;
};

}  // namespace

uint64_t BitmapScale::words() const {
  const uint64_t marks = (volumeBytes + granularityBytes - 1) / granularityBytes;
  return (marks + kWordBits - 1) / kWordBits;
}

DirtyExtents takeDirty(BitmapWords words, BitmapScale scale, size_t most) {
  ExtentsOfBits extents(scale, most);
  for (size_t i = 0; i < words.size(); ++i) {
    const Shared word(words[i]);
    // Most words are empty: looking first leaves their cache lines where they are.
    if (word.load() == 0) continue;
    extents.add(i, word.exchange(0));
  }
  return extents.finish();
}

DirtyExtents readDirty(BitmapWords words, BitmapWords others, BitmapScale scale, size_t most) {
  ExtentsOfBits extents(scale, most);
  for (size_t i = 0; i < words.size(); ++i) {
    uint64_t word = Shared(words[i]).load();
    if (i < others.size()) word |= Shared(others[i]).load();
    extents.add(i, word);
  }
  return extents.finish();
}

void holdDirty(BitmapWords live, BitmapWords held) {
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

void clearDirty(BitmapWords held) {
  for (uint64_t& word : held) Shared(word).store(0);
}

}  // namespace fastsync
