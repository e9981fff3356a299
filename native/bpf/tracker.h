// A tracker in the kernel: its program is attached as long as its links are held, by this object or
// by a folder of the BPF file system.
#pragma once

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "kernel.h"
#include "marks.h"
#include "program.h"

namespace fastsync::bpf {

/// The words of a map, in our memory too.
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

  MarkWords words() const { return words_; }

 private:
  MarkWords words_;
};

/// What the kernel's side counted since the start.
struct Health {
  counters sum;
  /// For each tracepoint: the fewest misses of its programs. An event that none saw is in it.
  std::array<uint64_t, kTracepoints> misses;
};

class Tracker {
 public:
  /// Loads and attaches. Throws KernelError.
  Tracker(const tracked& place, MarkScale scale);
  /// Opens what keepIn() left in `folder`.
  Tracker(const std::string& folder, MarkScale scale);

  /// Lets the tracker outlive this process. Adds a second set of marks, and a text, to it.
  void keepIn(const std::string& folder, const std::string& note);

  Marked take() const { return takeMarks(marks_.words(), scale_); }
  Marked read() const { return readMarks(marks_.words(), held_.words(), scale_); }
  /// For a drain that is told to others: first hold, then read, then clear when they know.
  void hold() const { holdMarks(marks_.words(), held_.words()); }
  void clearHeld() const { clearMarks(held_.words()); }
  Marked readHeld() const { return readMarks(held_.words(), {}, scale_); }

  Health health() const;
  uint64_t memoryBytes() const;

 private:
  MarkScale scale_;
  UniqueFd marksMap_;
  UniqueFd countsMap_;
  std::array<UniqueFd, kPrograms> programs_;
  std::array<UniqueFd, kPrograms> links_;
  SharedWords marks_;
  SharedWords held_;
};

/// The text that keepIn() was given.
std::string readNote(const std::string& folder);

}  // namespace fastsync::bpf
