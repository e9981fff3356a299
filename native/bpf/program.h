// Loads the tracker's programs into the kernel. Only program.c includes the generated skeleton.
#pragma once

#include "layout.h"

#ifdef __cplusplus
namespace fastsync::bpf {
extern "C" {
#endif

/// The tracepoints are numbered in the order block_bio_queue, block_rq_complete,
/// block_bio_complete.
enum { kCopiesOfEach = 3, kTracepoints = 3, kPrograms = kCopiesOfEach * kTracepoints };

/// Descriptors; the caller closes them.
struct program_files {
  int marks;
  int counts;
  int programs[kPrograms];
};

/// Returns 0, or a negative errno; after an error there is nothing to close.
int fastsync_load_program(const struct tracked *tracked, __u32 words, struct program_files *files);

#ifdef __cplusplus
}
}  // namespace fastsync::bpf
#endif
