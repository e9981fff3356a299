// In C, because the generated skeleton is C.
#include <errno.h>
#include <fcntl.h>
#include <linux/types.h>
#include <unistd.h>
// Must come before the skeleton, which uses its structures.
#include "program.h"
#include "tracker.lskel.inc"

static int duplicate(int fd, int *copy) {
  *copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  return *copy < 0 ? -errno : 0;
}

static int duplicate_all(const struct tracker *skeleton, struct program_files *files) {
  const struct bpf_prog_desc *programs = &skeleton->progs.queue_0;
  int error = duplicate(skeleton->maps.marks.map_fd, &files->marks);
  if (error == 0) error = duplicate(skeleton->maps.counts.map_fd, &files->counts);
  for (int i = 0; i < kPrograms && error == 0; ++i) {
    error = duplicate(programs[i].prog_fd, &files->programs[i]);
  }
  return error;
}

static void close_all(struct program_files *files) {
  if (files->marks >= 0) close(files->marks);
  if (files->counts >= 0) close(files->counts);
  for (int i = 0; i < kPrograms; ++i) {
    if (files->programs[i] >= 0) close(files->programs[i]);
  }
}

int fastsync_load_program(const struct tracked *tracked, __u32 words, struct program_files *files) {
  files->marks = files->counts = -1;
  for (int i = 0; i < kPrograms; ++i) files->programs[i] = -1;

  struct tracker *skeleton = tracker__open();
  if (skeleton == NULL) return -ENOMEM;
  skeleton->rodata->tracked = *tracked;
  skeleton->maps.marks.max_entries = words;
  // Only a device whose bios are followed needs the table of bios in flight.
  if (!tracked->follows_bios) skeleton->maps.in_flight.max_entries = 1;
  int error = tracker__load(skeleton);
  if (error == 0) error = duplicate_all(skeleton, files);
  if (error != 0) close_all(files);
  tracker__destroy(skeleton);
  return error;
}
