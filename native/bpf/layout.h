// The structures that the programs in the kernel share with the code that loads them.
#pragma once

#ifdef __cplusplus
#include <cstdint>
using __u32 = uint32_t;
using __u64 = uint64_t;
namespace fastsync::bpf {
#endif

/// What to track. Set before the programs are loaded, constant afterwards.
struct tracked {
  __u32 disk_major;
  __u32 disk_minor;
  /// The volume's place on its disk: a partition's start and length, or 0 and the disk's length.
  __u64 start_sector;
  __u64 sector_count;
  /// One mark stands for 2^mark_shift sectors of 512 bytes.
  __u32 mark_shift;
  /// 1: the device has no requests of its own (dm, zram, brd), so each bio is followed from its
  /// submission to its completion.
  __u32 follows_bios;
  /// 1: on this kernel the programs must disable preemption themselves.
  __u32 disables_preemption;
};

/// Counted per processor.
struct counters {
  /// Writes seen; each counts once when it is submitted and once when it completes.
  __u64 events;
  /// Commands that write to the disk without saying where (SG_IO, NVMe passthrough).
  __u64 unknown_range;
  /// Bios that found no room in the table of those in flight.
  __u64 in_flight_table_full;
  /// Bios that completed and were not in that table.
  __u64 unmatched_completions;
  /// Marks outside the map, and chains of bios that were too long to walk.
  __u64 failures;
  /// How many programs of each tracepoint are running now, one interrupting the other.
  __u64 depth[3];
  /// How often all of them were running: none was left to see a further event.
  __u64 nesting_overflow[3];
};

enum { kInFlightSlots = 32768, kInFlightProbes = 64 };

/// A bio between its submission and its completion. `bio` is its address; 0 marks a free slot.
struct bio_in_flight {
  __u64 bio;
  __u64 sector;
  __u64 sector_count;
};

#ifdef __cplusplus
}  // namespace fastsync::bpf
#endif
