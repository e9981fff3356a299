// One side of a job: a device or file, opened twice. The direct descriptor bypasses the page cache;
// the buffered twin takes what direct I/O cannot: pieces that do not fill whole pages.
#pragma once

#include "types.h"
#include "unique_fd.h"

namespace fastsync {

class Endpoint {
 public:
  enum class Access { kRead, kWrite, kReadWrite };

  /// Reopens what `opened` is, and holds that too: with it an exclusive claim lasts as long as
  /// this. `requests` outlive it. Throws SetupError.
  Endpoint(UniqueFd opened, Side side, Access access, Requests& requests);
  Endpoint(Endpoint&&) = default;
  ~Endpoint();

  Side side() const { return side_; }
  /// Where what is asked of it is counted.
  Requests& requests() const { return *requests_; }
  bool isBlockDevice() const { return isBlockDevice_; }
  /// A file on a tmpfs: writing to it is copying memory.
  bool inMemory() const { return inMemory_; }
  bool direct() const { return direct_.valid(); }
  int directFd() const { return direct_.get(); }
  int bufferedFd() const { return buffered_.get(); }

  /// Direct I/O must start and end on multiples of this; also the smallest piece worth retrying.
  uint64_t sectorBytes() const { return sectorBytes_; }
  /// Direct and buffered writes never share one of these: the kernel writes dirty pages back whole,
  /// and would put old bytes over what was written past the cache.
  uint64_t pageBytes() const { return pageBytes_; }

  /// Forgets cached pages of the range, so that the next buffered read asks the device.
  void dropCache(const Extent& range) const;

 private:
  void openBuffered(Access access);
  void openDirect();
  void measure();

  Side side_;
  Requests* requests_;
  bool isBlockDevice_ = false;
  bool inMemory_ = false;
  uint64_t sectorBytes_ = 0;
  uint64_t pageBytes_ = 0;
  UniqueFd opened_;
  UniqueFd buffered_;
  UniqueFd direct_;
};

}  // namespace fastsync
