// What the program in the kernel and the code that loads it agree on.
#pragma once

#ifdef __cplusplus
#include <cstdint>
using __u32 = uint32_t;
using __u64 = uint64_t;
namespace fastsync::bpf {
#endif

/// Set before the program is loaded; constant afterwards.
struct tracked {
  __u32 disk_major;
  __u32 disk_minor;
  /// Where the volume lies on its disk: a partition's start and length, or 0 and the disk's length.
  __u64 start_sector;
  __u64 sector_count;
  /// One mark stands for 2^mark_shift sectors of 512 bytes.
  __u32 mark_shift;
  /// 1: a device without requests of its own (dm, zram, brd), whose bios are followed one by one.
  __u32 follows_bios;
  /// 1: the kernel may take the processor from a program in the middle, unless it is told not to.
  __u32 holds_processor;
};

/// One for each processor.
struct counters {
  /// Writes seen, when they were submitted and when they completed.
  __u64 events;
  /// Commands that carry data to the disk and do not say where to (SG_IO, NVMe passthrough).
  __u64 unplaced;
  /// Bios that found no room in the table of those in flight.
  __u64 unfollowed;
  /// Bios that completed and were not in that table.
  __u64 strangers;
  /// Marks that found no place in the map, and chains of bios longer than are walked.
  __u64 failures;
  /// How many of the programs on each tracepoint are running, one interrupted by the other.
  __u64 depth[3];
  /// How often all of them were: another event would have been missed by all.
  __u64 crowded[3];
};

enum { kFlightSlots = 32768, kFlightProbes = 64 };

/// A bio between its submission and its completion. `bio` is its address, 0 for a free place.
struct flight {
  __u64 bio;
  __u64 sector;
  __u64 sector_count;
};

#ifdef __cplusplus
}  // namespace fastsync::bpf
#endif
