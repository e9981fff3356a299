#include "tracker.h"

#include <sys/mman.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>

namespace fastsync::bpf {

namespace {

constexpr uint32_t kNoteBytes = 8192;

enum Tracepoint { kQueue, kRequest, kBio };

Tracepoint tracepointOf(size_t program) { return static_cast<Tracepoint>(program / kCopiesOfEach); }

/// Either requests or bios show what completes on a device; the other tracepoint is not needed.
/// With requests, one program at submission is enough: what it skips is marked at completion.
bool isWanted(size_t program, bool followsBios) {
  if (followsBios) return tracepointOf(program) != kRequest;
  return tracepointOf(program) == kRequest || program == 0;
}

/// Before Linux 7.0, tracepoints disabled preemption themselves (include/linux/tracepoint.h).
bool tracepointsArePreemptible() {
  utsname system{};
  return ::uname(&system) == 0 && std::atoi(system.release) >= 7;
}

std::string linkName(const std::string& folder, size_t program) {
  return folder + "/link_" + std::to_string(program);
}

[[noreturn]] void fail(int errnum, const char* what) {
  throw KernelError(errnum, std::generic_category(), what);
}

}  // namespace

SharedWords::SharedWords(const UniqueFd& map, size_t words) {
  void* memory =
      ::mmap(nullptr, words * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, map.get(), 0);
  if (memory == MAP_FAILED) fail(errno, "mmap");
  words_ = {static_cast<uint64_t*>(memory), words};
}

SharedWords::~SharedWords() {
  if (!words_.empty()) ::munmap(words_.data(), words_.size_bytes());
}

Tracker::Tracker(const tracked& device, BitmapScale scale) : scale_(scale) {
  const uint64_t words = scale.words();
  if (words == 0 || words > std::numeric_limits<uint32_t>::max()) fail(EINVAL, "marks");
  tracked settings = device;
  settings.disables_preemption = tracepointsArePreemptible() ? 1 : 0;
  program_files files;
  const int error = fastsync_load_program(&settings, static_cast<uint32_t>(words), &files);
  if (error != 0) fail(-error, "BPF_PROG_LOAD");
  bitmapMap_ = UniqueFd(files.marks);
  countsMap_ = UniqueFd(files.counts);
  std::array<UniqueFd, kPrograms> programs;
  for (size_t i = 0; i < kPrograms; ++i) programs[i] = UniqueFd(files.programs[i]);
  bitmap_ = SharedWords(bitmapMap_, words);
  for (size_t i = 0; i < kPrograms; ++i) {
    if (!isWanted(i, device.follows_bios != 0)) continue;
    links_[i] = attach(programs[i]);
    programs_[i] = std::move(programs[i]);
  }
}

Tracker::Tracker(const std::string& folder, BitmapScale scale) : scale_(scale) {
  bitmapMap_ = openPinned(folder + "/marks");
  countsMap_ = openPinned(folder + "/counts");
  bitmap_ = SharedWords(bitmapMap_, scale.words());
  held_ = SharedWords(openPinned(folder + "/held"), scale.words());
  for (size_t i = 0; i < kPrograms; ++i) {
    try {
      links_[i] = openPinned(linkName(folder, i));
    } catch (const KernelError& error) {
      if (error.code().value() != ENOENT) throw;
      continue;
    }
    programs_[i] = programOf(links_[i]);
  }
}

void Tracker::pinIn(const std::string& folder, const std::string& note) {
  if (note.size() >= kNoteBytes) fail(E2BIG, "note");
  std::array<char, kNoteBytes> text{};
  std::copy(note.begin(), note.end(), text.begin());
  const UniqueFd noteMap = createNote(kNoteBytes);
  writeElement(noteMap, text.data());
  const UniqueFd heldMap = createWords(static_cast<uint32_t>(scale_.words()));
  held_ = SharedWords(heldMap, scale_.words());

  pin(noteMap, folder + "/note");
  pin(heldMap, folder + "/held");
  pin(bitmapMap_, folder + "/marks");
  pin(countsMap_, folder + "/counts");
  for (size_t i = 0; i < kPrograms; ++i) {
    if (links_[i].valid()) pin(links_[i], linkName(folder, i));
  }
}

Health Tracker::health() const {
  Health health{};
  const std::vector<std::byte> values = readElement(countsMap_);
  for (size_t at = 0; at + sizeof(counters) <= values.size(); at += sizeof(counters)) {
    counters one;
    std::memcpy(&one, values.data() + at, sizeof(one));
    health.sum.events += one.events;
    health.sum.unknown_range += one.unknown_range;
    health.sum.in_flight_table_full += one.in_flight_table_full;
    health.sum.unmatched_completions += one.unmatched_completions;
    health.sum.failures += one.failures;
    for (size_t i = 0; i < kTracepoints; ++i)
      health.sum.nesting_overflow[i] += one.nesting_overflow[i];
  }
  for (size_t tracepoint = 0; tracepoint < kTracepoints; ++tracepoint) {
    uint64_t fewest = std::numeric_limits<uint64_t>::max();
    for (size_t i = 0; i < kPrograms; ++i) {
      if (tracepointOf(i) != tracepoint || !programs_[i].valid()) continue;
      fewest = std::min(fewest, missesOf(programs_[i]));
    }
    health.misses[tracepoint] = fewest == std::numeric_limits<uint64_t>::max() ? 0 : fewest;
  }
  return health;
}

uint64_t Tracker::memoryBytes() const {
  return (bitmap_.words().size() + held_.words().size()) * sizeof(uint64_t);
}

std::string readNote(const std::string& folder) {
  const std::vector<std::byte> value = readElement(openPinned(folder + "/note"));
  const auto* text = reinterpret_cast<const char*>(value.data());
  return std::string(text, ::strnlen(text, value.size()));
}

}  // namespace fastsync::bpf
