// Loads the tracker's program into the kernel: the one place that knows the generated header.
#pragma once

#include "layout.h"

#ifdef __cplusplus
namespace fastsync::bpf {
extern "C" {
#endif

/// Programs on each tracepoint, and tracepoints: in the order block_bio_queue, block_rq_complete,
/// block_bio_complete.
enum { kCopiesOfEach = 3, kTracepoints = 3, kPrograms = kCopiesOfEach * kTracepoints };

/// Descriptors that the caller closes.
struct program_files {
  int marks;
  int counts;
  int programs[kPrograms];
};

/// 0, or the errno that the kernel gave, negative; then there is nothing to close.
int fastsync_load_program(const struct tracked *tracked, __u32 words, struct program_files *files);

#ifdef __cplusplus
}
}  // namespace fastsync::bpf
#endif
