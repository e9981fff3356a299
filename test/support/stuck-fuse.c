// A file system with one file, /image, as large as the third argument says, that keeps nothing; and
// a node of a block device, /device, if its numbers are the last argument. On SIGUSR1 it goes on
// reading requests and answers none: whoever asks cannot be killed then. Stopped (SIGSTOP), it does
// not even read them, and who asks can be.
//   stuck-fuse MOUNTPOINT -f SIZE [MAJOR:MINOR]
#define FUSE_USE_VERSION 31
#include <errno.h>
#include <fuse.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static volatile sig_atomic_t is_stuck;
static off_t size;
static dev_t device;

static void stick(int number) {
  (void)number;
  is_stuck = 1;
}

static void answer(void) {
  while (is_stuck) pause();
}

static int get_attributes(const char *path, struct stat *found, struct fuse_file_info *info) {
  (void)info;
  answer();
  memset(found, 0, sizeof *found);
  if (strcmp(path, "/") == 0) {
    found->st_mode = S_IFDIR | 0755;
    found->st_nlink = 2;
  } else if (strcmp(path, "/image") == 0) {
    found->st_mode = S_IFREG | 0644;
    found->st_nlink = 1;
    found->st_size = size;
  } else if (device != 0 && strcmp(path, "/device") == 0) {
    found->st_mode = S_IFBLK | 0600;
    found->st_nlink = 1;
    found->st_rdev = device;
  } else {
    return -ENOENT;
  }
  return 0;
}

static int open_any(const char *path, struct fuse_file_info *info) {
  (void)path, (void)info;
  answer();
  return 0;
}

static int read_zeroes(const char *path, char *to, size_t length, off_t at,
                       struct fuse_file_info *info) {
  (void)path, (void)info;
  answer();
  if (at >= size) return 0;
  if ((off_t)length > size - at) length = (size_t)(size - at);
  memset(to, 0, length);
  return (int)length;
}

static int write_nothing(const char *path, const char *from, size_t length, off_t at,
                         struct fuse_file_info *info) {
  (void)path, (void)from, (void)at, (void)info;
  answer();
  return (int)length;
}

static const struct fuse_operations operations = {
    .getattr = get_attributes,
    .open = open_any,
    .opendir = open_any,
    .read = read_zeroes,
    .write = write_nothing,
};

int main(int argc, char *argv[]) {
  unsigned major_number = 0;
  unsigned minor_number = 0;
  if (argc < 4) return 2;
  size = atoll(argv[3]);
  if (argc == 5 && sscanf(argv[4], "%u:%u", &major_number, &minor_number) == 2)
    device = makedev(major_number, minor_number);
  signal(SIGUSR1, stick);
  char *words[] = {argv[0], argv[1], argv[2], "-o", "dev"};
  return fuse_main(device == 0 ? 3 : 5, words, &operations, NULL);
}
