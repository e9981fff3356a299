// Marks what is written to one volume, at submission and again at completion. docs/tracking.md
// explains why both, and what each tracepoint shows.
#include "kernel_types.h"
// Must come after the types, which they use.
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "layout.h"

char LICENSE[] SEC("license") = "GPL";

const volatile struct tracked tracked;

// Since Linux 6.10.
extern void bpf_preempt_disable(void) __attribute__((weak)) __ksym;
extern void bpf_preempt_enable(void) __attribute__((weak)) __ksym;

/// One bit per 2^mark_shift sectors of the volume, in words of 64. The loader sets the size.
struct {
  __uint(type, 2 /* BPF_MAP_TYPE_ARRAY */);
  __uint(map_flags, 1024 /* BPF_F_MMAPABLE */);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u64);
} marks SEC(".maps");

struct {
  __uint(type, 6 /* BPF_MAP_TYPE_PERCPU_ARRAY */);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct counters);
} counts SEC(".maps");

/// A hash table of our own, with open addressing and atomics: the kernel's hash map returns an error
/// when an interrupt finds its bucket locked.
struct {
  __uint(type, 2 /* BPF_MAP_TYPE_ARRAY */);
  __uint(max_entries, kInFlightSlots);
  __type(key, __u32);
  __type(value, struct bio_in_flight);
} in_flight SEC(".maps");

enum tracepoint { kQueue, kRequest, kBio };

/// Each tracepoint has this many identical programs. The kernel skips a program that an interrupt
/// finds running; the next program of the same tracepoint then sees that event. A task, a soft
/// interrupt and a hard interrupt can nest, hence three.
enum { kCopies = 3 };

enum { kChainLimit = 4096 };

static __always_inline bool is_write(__u32 flags) {
  return flags & 1;  // the lowest bit of the operation: writes, discards and write-zeroes
}

static __always_inline bool is_discard(__u32 flags) {
  return (flags & 0xff) == 3;  // REQ_OP_DISCARD
}

static __always_inline bool is_tracked(struct gendisk *disk) {
  return disk && disk->major == (int)tracked.disk_major &&
         disk->first_minor == (int)tracked.disk_minor;
}

static __always_inline void set_bits(__u32 word, __u64 bits, struct counters *count) {
  __u64 *value = bpf_map_lookup_elem(&marks, &word);
  if (!value) {
    count->failures++;
    return;
  }
  // Bits that are set have not been drained yet: the drain that takes them comes after this event.
  if ((*(volatile __u64 *)value & bits) != bits) __sync_fetch_and_or(value, bits);
}

struct fill {
  __u32 first_word;
  struct counters *count;
};

static long fill_word(__u32 index, struct fill *fill) {
  set_bits(fill->first_word + index, ~0ULL, fill->count);
  return 0;
}

/// Marks sectors of the disk, as far as they lie within the volume.
static __always_inline void mark(__u64 sector, __u64 sectors, struct counters *count) {
  __u64 end = sector + sectors;
  const __u64 volume_start = tracked.start_sector;
  const __u64 volume_end = volume_start + tracked.sector_count;
  if (end < sector) end = ~0ULL;
  if (sector < volume_start) sector = volume_start;
  if (end > volume_end) end = volume_end;
  if (sector >= end) return;

  const __u64 first = (sector - volume_start) >> tracked.mark_shift;
  const __u64 last = (end - 1 - volume_start) >> tracked.mark_shift;
  const __u32 first_word = first >> 6;
  const __u32 last_word = last >> 6;
  const __u64 first_bits = ~0ULL << (first & 63);
  const __u64 last_bits = ~0ULL >> (63 - (last & 63));
  if (first_word == last_word) {
    set_bits(first_word, first_bits & last_bits, count);
    return;
  }
  set_bits(first_word, first_bits, count);
  set_bits(last_word, last_bits, count);
  if (last_word - first_word > 1) {
    struct fill fill = {first_word + 1, count};
    bpf_loop(last_word - first_word - 1, fill_word, &fill, 0);
  }
}

static __always_inline void mark_bio(struct bio *bio, struct counters *count) {
  mark(BPF_CORE_READ(bio, bi_iter.bi_sector), BPF_CORE_READ(bio, bi_iter.bi_size) >> 9, count);
}

struct chain {
  struct bio *bio;
  struct counters *count;
};

static long mark_next(__u32 index, struct chain *chain) {
  struct bio *bio = chain->bio;
  if (!bio) return 1;
  mark_bio(bio, chain->count);
  chain->bio = BPF_CORE_READ(bio, bi_next);
  return 0;
}

/// Marks the bios of a request. Those of a discard need not be contiguous.
static __always_inline void mark_chain(struct bio *bio, struct counters *count) {
  struct chain chain = {bio, count};
  bpf_loop(kChainLimit, mark_next, &chain, 0);
  if (chain.bio) count->failures++;
}

/// A pointer as a number: the verifier allows no arithmetic on pointers.
static __always_inline __u64 address(void *pointer) {
  __u64 number = 0;
  bpf_probe_read_kernel(&number, sizeof(number), &pointer);
  return number;
}

struct probe {
  __u64 bio;
  __u32 home;
  __u32 found;
  __u32 vacant;
};

enum { kNowhere = 0xffffffff };

static long probe_slot(__u32 index, struct probe *probe) {
  __u32 slot = (probe->home + index) % kInFlightSlots;
  struct bio_in_flight *entry = bpf_map_lookup_elem(&in_flight, &slot);
  if (!entry) return 1;
  const __u64 there = *(volatile __u64 *)&entry->bio;
  if (there == probe->bio) {
    probe->found = slot;
    return 1;
  }
  if (there == 0 && probe->vacant == kNowhere) probe->vacant = slot;
  return 0;
}

static __always_inline struct probe find(__u64 bio) {
  struct probe probe = {bio, (bio * 0x9e3779b97f4a7c15ULL) >> 40, kNowhere, kNowhere};
  bpf_loop(kInFlightProbes, probe_slot, &probe, 0);
  return probe;
}

/// Stores the range of a bio until it completes: by then the bio itself may no longer have it.
static __always_inline void remember_bio(struct bio *bio, struct counters *count) {
  const __u64 name = address(bio);
  const struct probe probe = find(name);
  const __u64 sector = bio->bi_iter.bi_sector;
  const __u64 sectors = bio->bi_iter.bi_size >> 9;
  __u32 slot = probe.found == kNowhere ? probe.vacant : probe.found;
  struct bio_in_flight *entry = bpf_map_lookup_elem(&in_flight, &slot);
  if (!entry) {
    count->in_flight_table_full++;
    return;
  }
  if (probe.found == kNowhere) {
    if (__sync_val_compare_and_swap(&entry->bio, 0, name) != 0) {
      count->in_flight_table_full++;  // another processor took the slot: rare, and counted
      return;
    }
  } else if (entry->sector != sector || entry->sector_count != sectors) {
    // An earlier bio had this address, and its completion was not seen.
    mark(entry->sector, entry->sector_count, count);
  }
  entry->sector = sector;
  entry->sector_count = sectors;
}

/// Marks the range that a bio had when it was submitted, and frees its slot.
static __always_inline void complete_bio(struct bio *bio, bool is_last_copy, struct counters *count) {
  __u32 slot = find(address(bio)).found;
  struct bio_in_flight *entry = bpf_map_lookup_elem(&in_flight, &slot);
  if (entry) {
    mark(entry->sector, entry->sector_count, count);
    if (is_last_copy) *(volatile __u64 *)&entry->bio = 0;
    return;
  }
  // A bio that was split off has a parent, whose range contains it.
  if (find(address(bio->bi_private)).found == kNowhere) count->unmatched_completions++;
}

/// Preemption is disabled because a preempted program would miss the events of all other tasks. Then
/// only interrupts nest, and they nest in order, so the depth needs no atomics.
static __always_inline struct counters *enter(enum tracepoint tracepoint) {
  __u32 key = 0;
  struct counters *count = bpf_map_lookup_elem(&counts, &key);
  if (!count) return 0;
  if (tracked.disables_preemption) bpf_preempt_disable();
  volatile __u64 *depth = &count->depth[tracepoint];
  if (++*depth == kCopies) count->nesting_overflow[tracepoint]++;
  return count;
}

static __always_inline void leave(struct counters *count, enum tracepoint tracepoint) {
  volatile __u64 *depth = &count->depth[tracepoint];
  --*depth;
  if (tracked.disables_preemption) bpf_preempt_enable();
}

static __always_inline int on_queue(struct bio *bio, int copy) {
  struct counters *count = enter(kQueue);
  if (!count) return 0;
  if (is_tracked(bio->bi_bdev->bd_disk) && is_write(bio->bi_opf)) {
    if (copy == 0) count->events++;
    mark(bio->bi_iter.bi_sector, bio->bi_iter.bi_size >> 9, count);
    if (tracked.follows_bios) remember_bio(bio, count);
  }
  leave(count, kQueue);
  return 0;
}

static __always_inline int on_request(struct request *request, __u32 bytes, int copy) {
  struct counters *count = enter(kRequest);
  if (!count) return 0;
  if (is_tracked(request->q->disk) && is_write(request->cmd_flags)) {
    if (copy == 0) count->events++;
    const __u64 sector = request->__sector;
    if (sector == ~0ULL) {
      count->unknown_range++;
    } else {
      // All that is left of the request: after an error, part of the rest may have been written.
      const __u32 left = request->__data_len;
      mark(sector, (left > bytes ? left : bytes) >> 9, count);
      if (is_discard(request->cmd_flags)) mark_chain(request->bio, count);
    }
  }
  leave(count, kRequest);
  return 0;
}

static __always_inline int on_bio(struct request_queue *queue, struct bio *bio, int copy) {
  struct counters *count = enter(kBio);
  if (!count) return 0;
  // Identified by the queue: NVMe multipath passes its own queue and a bio of one of the paths.
  if (tracked.follows_bios && is_tracked(queue->disk) && is_write(bio->bi_opf)) {
    if (copy == 0) count->events++;
    mark_bio(bio, count);
    complete_bio(bio, copy == kCopies - 1, count);
  }
  leave(count, kBio);
  return 0;
}

#define FOR_EACH_COPY(DEFINE) DEFINE(0) DEFINE(1) DEFINE(2)

#define DEFINE_QUEUE(copy)      \
  SEC("tp_btf/block_bio_queue") \
  int BPF_PROG(queue_##copy, struct bio *bio) { return on_queue(bio, copy); }
FOR_EACH_COPY(DEFINE_QUEUE)

#define DEFINE_REQUEST(copy)                                                               \
  SEC("tp_btf/block_rq_complete")                                                          \
  int BPF_PROG(request_##copy, struct request *request, __u8 status, unsigned int bytes) { \
    return on_request(request, bytes, copy);                                               \
  }
FOR_EACH_COPY(DEFINE_REQUEST)

#define DEFINE_BIO(copy)                                                   \
  SEC("tp_btf/block_bio_complete")                                         \
  int BPF_PROG(bio_##copy, struct request_queue *queue, struct bio *bio) { \
    return on_bio(queue, bio, copy);                                       \
  }
FOR_EACH_COPY(DEFINE_BIO)
