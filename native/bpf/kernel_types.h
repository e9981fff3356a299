// The members of kernel structures that the tracker reads. Loading the program looks up their
// offsets in the running kernel's BTF (CO-RE), so only their names and kinds matter here.
#pragma once

typedef signed char __s8;
typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef _Bool bool;

#define RELOCATED __attribute__((preserve_access_index))

struct gendisk {
  int major;
  int first_minor;
} RELOCATED;

struct request_queue {
  struct gendisk *disk;
} RELOCATED;

struct block_device {
  struct gendisk *bd_disk;
} RELOCATED;

struct bvec_iter {
  __u64 bi_sector;
  __u32 bi_size;
} RELOCATED;

struct bio {
  struct bio *bi_next;
  struct block_device *bi_bdev;
  __u32 bi_opf;
  struct bvec_iter bi_iter;
  void *bi_private;
} RELOCATED;

struct request {
  struct request_queue *q;
  __u32 cmd_flags;
  __u32 __data_len;
  __u64 __sector;
  struct bio *bio;
} RELOCATED;
