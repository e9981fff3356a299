// Writers change cells and mark them, as the kernel does; a drainer copies what is marked. In the
// end the copy must be the same, whichever way it drained.
#include "dirty_bitmap_test.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <functional>
#include <random>
#include <thread>
#include <vector>

#include "dirty_bitmap.h"

namespace fastsync {

namespace {

constexpr uint64_t kGranularityBytes = 4096;
constexpr uint64_t kCells = 1000;
constexpr int kWriters = 3;
constexpr int kWritesEach = 5000;

struct Volume {
  std::vector<std::atomic<uint32_t>> cells = std::vector<std::atomic<uint32_t>>(kCells);
  std::vector<uint64_t> live = std::vector<uint64_t>((kCells + 63) / 64);
  std::vector<uint64_t> held = std::vector<uint64_t>((kCells + 63) / 64);

  void write(uint64_t cell, uint32_t value) {
    cells[cell].store(value, std::memory_order_relaxed);
    const std::atomic_ref<uint64_t> word(live[cell / 64]);
    const uint64_t bit = uint64_t{1} << (cell % 64);
    if ((word.load() & bit) == 0) word.fetch_or(bit);
  }
};

using Drain = std::function<std::vector<Extent>(Volume&)>;

// The last cell is a short one.
constexpr BitmapScale kScale{kGranularityBytes, kCells* kGranularityBytes - 512};

int follow(const char* name, uint32_t seed, const Drain& drain) {
  Volume volume;
  std::vector<uint32_t> copy(kCells);
  std::atomic<int> writing{kWriters};
  int failures = 0;
  std::vector<std::jthread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&volume, &writing, random = std::mt19937(seed + writer)]() mutable {
      for (int i = 0; i < kWritesEach; ++i) {
        const auto value = static_cast<uint32_t>(random());
        // Half of them in one word, where they meet.
        volume.write(random() % 2 == 0 ? random() % 8 : random() % kCells, value);
      }
      --writing;
    });
  }
  for (bool last = false; !last;) {
    last = writing == 0;
    uint64_t end = 0;
    for (const Extent& extent : drain(volume)) {
      if (extent.length == 0 || extent.end() > kScale.volumeBytes) ++failures;
      if (end != 0 && extent.start <= end) ++failures;  // neither unsorted nor touching
      end = extent.end();
      for (uint64_t cell = extent.start / kGranularityBytes; cell * kGranularityBytes < end; ++cell)
        copy[cell] = volume.cells[cell].load(std::memory_order_relaxed);
    }
  }
  for (uint64_t cell = 0; cell < kCells; ++cell) failures += copy[cell] != volume.cells[cell];
  if (failures != 0) std::fprintf(stderr, "FAILED: %s: %d\n", name, failures);
  return failures;
}

std::vector<Extent> holdAndRead(Volume& volume) {
  holdDirty(volume.live, volume.held);
  return readDirty(volume.held, {}, kScale).extents;
}

}  // namespace

namespace {

/// Every second mark of a large volume is set: no more extents than asked for, and each mark in
/// one.
int joinTooMany() {
  constexpr size_t kMost = 1000;
  constexpr BitmapScale kLarge{kGranularityBytes, (uint64_t{1} << 20) * kGranularityBytes};
  int failures = 0;
  for (const bool takes : {true, false}) {
    std::vector<uint64_t> words(kLarge.words(), 0x5555555555555555);
    const auto [extents, joined] =
        takes ? takeDirty(words, kLarge, kMost) : readDirty(words, {}, kLarge, kMost);
    if (!joined || extents.empty() || extents.size() > kMost || extents.capacity() > 2 * kMost)
      ++failures;
    size_t at = 0;
    for (uint64_t mark = 0; mark < kLarge.volumeBytes; mark += 2 * kGranularityBytes) {
      while (at < extents.size() && extents[at].end() <= mark) ++at;
      if (at == extents.size() || extents[at].start > mark ||
          extents[at].end() < mark + kGranularityBytes)
        ++failures;
    }
  }
  // Close ones are joined, and what lies far from them stays apart.
  std::vector<uint64_t> words(kLarge.words());
  for (size_t i = 0; i < 100; ++i) words[i] = 0x5555555555555555;
  words.back() = uint64_t{1} << 63;
  const DirtyExtents some = takeDirty(words, kLarge, kMost);
  const Extent last{kLarge.volumeBytes - kGranularityBytes, kGranularityBytes};
  if (!some.joined || some.extents.back().start != last.start) ++failures;
  words.back() = 1;
  if (takeDirty(words, kLarge, kMost).joined) ++failures;
  if (failures != 0) std::fprintf(stderr, "FAILED: join: %d\n", failures);
  return failures;
}

}  // namespace

int testDirtyBitmap(uint32_t seed) {
  int failures = joinTooMany();
  failures +=
      follow("take", seed, [](Volume& volume) { return takeDirty(volume.live, kScale).extents; });
  failures += follow("hold", seed, [](Volume& volume) {
    std::vector<Extent> extents = holdAndRead(volume);
    clearDirty(volume.held);
    return extents;
  });
  std::mt19937 random(seed);
  failures += follow("hold, ended before it was told", seed, [&](Volume& volume) {
    std::vector<Extent> extents = holdAndRead(volume);
    if (random() % 2 == 0) return holdAndRead(volume);
    clearDirty(volume.held);
    return extents;
  });
  return failures;
}

}  // namespace fastsync
