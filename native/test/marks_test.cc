// Writers change cells and mark them, as the kernel does; a drainer copies what is marked. In the
// end the copy must be the same, whichever way it drained.
#include "marks_test.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <functional>
#include <random>
#include <thread>
#include <vector>

#include "marks.h"

namespace fastsync {

namespace {

constexpr uint64_t kMarkBytes = 4096;
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
constexpr MarkScale kScale{kMarkBytes, kCells* kMarkBytes - 512};

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
      for (uint64_t cell = extent.start / kMarkBytes; cell * kMarkBytes < end; ++cell)
        copy[cell] = volume.cells[cell].load(std::memory_order_relaxed);
    }
  }
  for (uint64_t cell = 0; cell < kCells; ++cell) failures += copy[cell] != volume.cells[cell];
  if (failures != 0) std::fprintf(stderr, "FAILED: %s: %d\n", name, failures);
  return failures;
}

std::vector<Extent> holdAndRead(Volume& volume) {
  holdMarks(volume.live, volume.held);
  return readMarks(volume.held, {}, kScale);
}

}  // namespace

int testMarks(uint32_t seed) {
  int failures = 0;
  failures += follow("take", seed, [](Volume& volume) { return takeMarks(volume.live, kScale); });
  failures += follow("hold", seed, [](Volume& volume) {
    std::vector<Extent> extents = holdAndRead(volume);
    clearMarks(volume.held);
    return extents;
  });
  std::mt19937 random(seed);
  failures += follow("hold, ended before it was told", seed, [&](Volume& volume) {
    std::vector<Extent> extents = holdAndRead(volume);
    if (random() % 2 == 0) return holdAndRead(volume);
    clearMarks(volume.held);
    return extents;
  });
  return failures;
}

}  // namespace fastsync
