// Opening for direct I/O: /proc/self/fd/N reaches the same device or file, even an unlinked one.
#include "local_endpoint.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <string>

#include "dio_align.h"

namespace fastsync {

namespace {

constexpr uint64_t kPage = 4 * kKiB;
constexpr uint64_t kLargestPage = 64 * kKiB;

UniqueFd reopen(int fd, int flags) {
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  return UniqueFd(::open(path.c_str(), flags | O_CLOEXEC));
}

/// FUSE_SUPER_MAGIC of linux/fs/fuse/inode.c, which no header carries before Linux 5.15.
constexpr decltype(statfs::f_type) kFuse = 0x65735546;

/// The magic number of the file system that the file is on; 0 where it cannot be told.
decltype(statfs::f_type) fileSystemOf(int fd) {
  struct statfs status {};
  return ::fstatfs(fd, &status) == 0 ? status.f_type : 0;
}

bool allows(int mode, Endpoint::Access access) {
  if (mode == O_RDWR) return true;
  return access == (mode == O_RDONLY ? Endpoint::Access::kRead : Endpoint::Access::kWrite);
}

bool isPowerOfTwo(uint64_t value) { return value != 0 && (value & (value - 1)) == 0; }

/// Some file systems accept O_DIRECT and refuse the first transfer.
bool directReadWorks(int fd, uint64_t bytes) {
  if ((::fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY) return true;  // the first write will tell
  const std::unique_ptr<void, void (*)(void*)> buffer(std::aligned_alloc(bytes, bytes), std::free);
  if (!buffer) return false;
  const ssize_t got = ::pread(fd, buffer.get(), bytes, 0);
  return got >= 0 || errno != EINVAL;
}

}  // namespace

LocalEndpoint::LocalEndpoint(UniqueFd opened, Side side, Access access, Requests& requests)
    : Endpoint(side), requests_(&requests), opened_(std::move(opened)) {
  const CallInFlight inFlight(requests);
  openBuffered(access);
  measure();
  openDirect();
  const bool direct = direct_.valid();
  setLimits({.granularityBytes = pageBytes_,
             .retryBytes = direct ? sectorBytes_ : kPage,
             .direct = direct,
             .makesHoles = !isBlockDevice_ && canPunch_});
}

LocalEndpoint::~LocalEndpoint() {
  // NFS and FUSE wait for their servers here.
  const CallInFlight inFlight(*requests_);
  direct_.reset();
  buffered_.reset();
  opened_.reset();
}

void LocalEndpoint::openBuffered(Access access) {
  const int fd = opened_.get();
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) throw SetupError({errno, "fcntl", side(), 0, 0});
  if (access == Access::kRead) {
    buffered_ = reopen(fd, O_RDONLY);
  } else {
    buffered_ = reopen(fd, O_RDWR);
    if (!buffered_.valid() && access == Access::kWrite) buffered_ = reopen(fd, O_WRONLY);
  }
  if (buffered_.valid()) return;
  const int reason = errno;
  // No /proc, or no longer allowed to open it: share the caller's descriptor where that will do.
  const bool usable = (flags & (O_DIRECT | O_APPEND)) == 0 && allows(flags & O_ACCMODE, access);
  if (usable) buffered_ = UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!buffered_.valid()) throw SetupError({reason, "open", side(), 0, 0});
}

void LocalEndpoint::measure() {
  struct statx status {};
  if (::statx(buffered_.get(), "", AT_EMPTY_PATH, STATX_BASIC_STATS, &status) != 0)
    throw SetupError({errno, "statx", side(), 0, 0});
  isBlockDevice_ = S_ISBLK(status.stx_mode);
  uint64_t pageBytes = status.stx_blksize;
  if (isBlockDevice_) {
    int sector = 0;
    if (::ioctl(buffered_.get(), BLKSSZGET, &sector) != 0)
      throw SetupError({errno, "ioctl", side(), 0, 0});
    sectorBytes_ = static_cast<uint64_t>(sector);
    size_t block = 0;
    if (::ioctl(buffered_.get(), BLKBSZGET, &block) == 0) pageBytes = block;
  } else {
    sectorBytes_ = std::max(kPage, directIoAlignment(buffered_.get()));
    const auto fileSystem = fileSystemOf(buffered_.get());
    inMemory_ = fileSystem == TMPFS_MAGIC;
    canPunch_ = fileSystem != kFuse;
  }
  // Network file systems name their transfer size here, which says nothing about pages.
  if (!isPowerOfTwo(pageBytes) || pageBytes > kLargestPage) pageBytes = kPage;
  pageBytes_ = std::max({pageBytes, sectorBytes_, kPage});
}

void LocalEndpoint::openDirect() {
  const int mode = ::fcntl(buffered_.get(), F_GETFL) & O_ACCMODE;
  UniqueFd direct = reopen(opened_.get(), mode | O_DIRECT);
  if (direct.valid() && directReadWorks(direct.get(), sectorBytes_)) direct_ = std::move(direct);
}

void LocalEndpoint::dropCache(const Extent& range) const {
  ::posix_fadvise(buffered_.get(), static_cast<off_t>(range.start),
                  static_cast<off_t>(range.length), POSIX_FADV_DONTNEED);
}

}  // namespace fastsync
