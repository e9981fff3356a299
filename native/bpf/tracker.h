// A write tracker in the kernel. Its programs stay attached as long as this object holds their
// links, or a folder of the BPF file system does.
#pragma once

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "dirty_bitmap.h"
#include "kernel.h"
#include "program.h"

namespace fastsync::bpf {

/// The words of a map, mapped into this process.
class SharedWords {
 public:
  SharedWords() = default;
  SharedWords(const UniqueFd& map, size_t words);
  SharedWords(SharedWords&& other) noexcept : words_(std::exchange(other.words_, {})) {}
  SharedWords& operator=(SharedWords&& other) noexcept {
    std::swap(words_, other.words_);
    return *this;
  }
  SharedWords(const SharedWords&) = delete;
  SharedWords& operator=(const SharedWords&) = delete;
  ~SharedWords();

  BitmapWords words() const { return words_; }

 private:
  BitmapWords words_;
};

/// What the programs counted since they were attached.
struct Health {
  counters sum;
  /// For each tracepoint, the misses of the program that missed least: an event that no program saw
  /// is among them.
  std::array<uint64_t, kTracepoints> misses;
};

class Tracker {
 public:
  /// Loads and attaches the programs. Throws KernelError.
  Tracker(const tracked& device, BitmapScale scale);
  /// Opens the tracker that pinIn() pinned in `folder`. Throws KernelError.
  Tracker(const std::string& folder, BitmapScale scale);

  /// Pins the tracker, so that it outlives this process, with a second set of marks and a note.
  void pinIn(const std::string& folder, const std::string& note);

  DirtyExtents take() const { return takeDirty(bitmap_.words(), scale_); }
  DirtyExtents read() const { return readDirty(bitmap_.words(), held_.words(), scale_); }
  /// For a drain whose result goes to another program: hold the marks, read the held ones, and
  /// clear them when that program has them.
  void hold() const { holdDirty(bitmap_.words(), held_.words()); }
  void clearHeld() const { clearDirty(held_.words()); }
  DirtyExtents readHeld() const { return readDirty(held_.words(), {}, scale_); }

  Health health() const;
  uint64_t memoryBytes() const;

 private:
  BitmapScale scale_;
  UniqueFd bitmapMap_;
  UniqueFd countsMap_;
  std::array<UniqueFd, kPrograms> programs_;
  std::array<UniqueFd, kPrograms> links_;
  SharedWords bitmap_;
  SharedWords held_;
};

/// The note that pinIn() pinned.
std::string readNote(const std::string& folder);

}  // namespace fastsync::bpf
