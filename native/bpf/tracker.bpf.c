// Marks what is written to one volume, at submission and again at completion. docs/tracking.md says
// why both, and what each tracepoint shows.
#include "kernel_types.h"
// After the types, which they need.
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "layout.h"

char LICENSE[] SEC("license") = "GPL";

const volatile struct tracked tracked;

// From Linux 6.10 on.
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

/// Open addressing with atomics: a hash map's locks fail when an interrupt meets them.
struct {
  __uint(type, 2 /* BPF_MAP_TYPE_ARRAY */);
  __uint(max_entries, kFlightSlots);
  __type(key, __u32);
  __type(value, struct flight);
} flights SEC(".maps");

enum tracepoint { kQueue, kRequest, kBio };

/// Each tracepoint has so many programs, all alike. The kernel skips a program that an interrupt
/// meets while it is running; the next one of the same tracepoint then sees that event. A task, a
/// soft interrupt and a hard one can nest, hence three.
enum { kCopies = 3 };

enum { kChainLimit = 4096 };

static __always_inline bool is_write(__u32 flags) {
  return flags & 1;  // REQ_OP_MASK's lowest bit: data goes out. Also discards and write-zeroes.
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
  // What is set already was not drained yet: the drain that takes it comes after this event.
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

/// Sectors are the disk's. What lies outside the volume is left out.
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

/// The bios of a request. Those of a discard need not be neighbours.
static __always_inline void mark_chain(struct bio *bio, struct counters *count) {
  struct chain chain = {bio, count};
  bpf_loop(kChainLimit, mark_next, &chain, 0);
  if (chain.bio) count->failures++;
}

/// A pointer as a number: the verifier lets nobody calculate with pointers.
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
  __u32 slot = (probe->home + index) % kFlightSlots;
  struct flight *flight = bpf_map_lookup_elem(&flights, &slot);
  if (!flight) return 1;
  const __u64 there = *(volatile __u64 *)&flight->bio;
  if (there == probe->bio) {
    probe->found = slot;
    return 1;
  }
  if (there == 0 && probe->vacant == kNowhere) probe->vacant = slot;
  return 0;
}

static __always_inline struct probe find(__u64 bio) {
  struct probe probe = {bio, (bio * 0x9e3779b97f4a7c15ULL) >> 40, kNowhere, kNowhere};
  bpf_loop(kFlightProbes, probe_slot, &probe, 0);
  return probe;
}

/// Keeps the range of a bio until it completes: by then the bio may have forgotten it.
static __always_inline void follow(struct bio *bio, struct counters *count) {
  const __u64 name = address(bio);
  const struct probe probe = find(name);
  const __u64 sector = bio->bi_iter.bi_sector;
  const __u64 sectors = bio->bi_iter.bi_size >> 9;
  __u32 slot = probe.found == kNowhere ? probe.vacant : probe.found;
  struct flight *flight = bpf_map_lookup_elem(&flights, &slot);
  if (!flight) {
    count->unfollowed++;
    return;
  }
  if (probe.found == kNowhere) {
    if (__sync_val_compare_and_swap(&flight->bio, 0, name) != 0) {
      count->unfollowed++;  // another processor was faster: rare, and said
      return;
    }
  } else if (flight->sector != sector || flight->sector_count != sectors) {
    // An earlier bio at this address, whose completion went by unseen.
    mark(flight->sector, flight->sector_count, count);
  }
  flight->sector = sector;
  flight->sector_count = sectors;
}

/// Marks the range that a bio had when it was submitted.
static __always_inline void land(struct bio *bio, bool is_last_copy, struct counters *count) {
  __u32 slot = find(address(bio)).found;
  struct flight *flight = bpf_map_lookup_elem(&flights, &slot);
  if (flight) {
    mark(flight->sector, flight->sector_count, count);
    if (is_last_copy) *(volatile __u64 *)&flight->bio = 0;
    return;
  }
  // A piece that was split off has its bio as parent, whose range has it too.
  if (find(address(bio->bi_private)).found == kNowhere) count->strangers++;
}

/// A program that waits for the processor would keep all tasks' events from itself meanwhile; only
/// interrupts are to nest, and they nest in order, which is why the depth needs no atomics.
static __always_inline struct counters *enter(enum tracepoint tracepoint) {
  __u32 key = 0;
  struct counters *count = bpf_map_lookup_elem(&counts, &key);
  if (!count) return 0;
  if (tracked.holds_processor) bpf_preempt_disable();
  volatile __u64 *depth = &count->depth[tracepoint];
  if (++*depth == kCopies) count->crowded[tracepoint]++;
  return count;
}

static __always_inline void leave(struct counters *count, enum tracepoint tracepoint) {
  volatile __u64 *depth = &count->depth[tracepoint];
  --*depth;
  if (tracked.holds_processor) bpf_preempt_enable();
}

static __always_inline int on_queue(struct bio *bio, int copy) {
  struct counters *count = enter(kQueue);
  if (!count) return 0;
  if (is_tracked(bio->bi_bdev->bd_disk) && is_write(bio->bi_opf)) {
    if (copy == 0) count->events++;
    mark(bio->bi_iter.bi_sector, bio->bi_iter.bi_size >> 9, count);
    if (tracked.follows_bios) follow(bio, count);
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
      count->unplaced++;
    } else {
      // All that is left of the request: an error may have come after part of the rest was written.
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
  // By the queue: NVMe's multipath gives its own here, and a bio that it sent to one of the paths.
  if (tracked.follows_bios && is_tracked(queue->disk) && is_write(bio->bi_opf)) {
    if (copy == 0) count->events++;
    mark_bio(bio, count);
    land(bio, copy == kCopies - 1, count);
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
