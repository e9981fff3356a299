// One side of a job, whatever is behind it: a device or file of this host, or an agent of another.
// Jobs know nothing else. Failures are values; an operation returns when it has finished or failed
// as a whole.
#pragma once

#include <memory>
#include <variant>
#include <vector>

#include "digest.h"
#include "peer_stream.h"
#include "reactor.h"
#include "task.h"
#include "types.h"
#include "unique_fd.h"
#include "window.h"

namespace fastsync {

/// What an endpoint can and cannot. Known once it is open.
struct BlockLimits {
  /// Smaller or unaligned pieces are slower. Windows begin and end on multiples of it.
  uint64_t granularityBytes = 0;
  /// The smallest piece worth reading again after an error.
  uint64_t retryBytes = 0;
  /// Requests bypass the page cache, so that a read asks the device.
  bool direct = false;
  /// A zero() of less than a whole chunk pays: it makes a hole, where a device would only be asked
  /// to write.
  bool makesHoles = false;
};

/// What a digest over several ranges came to.
struct PartsDigest {
  Digest digest{};
  MaybeFailure failure;
};

/// Where two sides differ, in granules.
struct Differences {
  std::vector<Extent> extents;
  MaybeFailure failure;
};

class Endpoint {
 public:
  enum class Access { kRead, kWrite, kReadWrite };

  virtual ~Endpoint() = default;
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  Side side() const { return side_; }
  const BlockLimits& limits() const { return limits_; }

  /// Fills the window over `extent`. May also fill the rest of the granules at its two ends.
  virtual Task<MaybeFailure> read(Reactor& reactor, Window window, Extent extent) = 0;

  /// Writes the window over `extent`, and not a byte beside it.
  virtual Task<MaybeFailure> write(Reactor& reactor, Window window, Extent extent) = 0;

  /// Makes whole granules read as zeroes without sending any. EOPNOTSUPP: it cannot, and nothing
  /// has changed.
  virtual Task<MaybeFailure> zero(Reactor& reactor, Extent extent) = 0;

  /// Tells the device that the content is not needed. A hint: what it then reads as is open, and
  /// odd bytes at the two ends stay.
  virtual Task<MaybeFailure> discard(Reactor& reactor, Extent extent) = 0;

  /// Puts on stable storage what was written, so that the next read asks the device.
  virtual Task<MaybeFailure> flush(Reactor& reactor) = 0;

  /// One digest over the content of `parts`, ascending, none touching the next. `scratch` covers
  /// them, and holds anything afterwards.
  virtual Task<PartsDigest> digest(Reactor& reactor, Window scratch, std::vector<Extent> parts);

  /// The granules of `parts` in which the endpoint differs from the window `ours`; `scratch` as
  /// above.
  virtual Task<Differences> differing(Reactor& reactor, Window ours, Window scratch,
                                      std::vector<Extent> parts, uint64_t granuleBytes);

  /// The last thing that is asked of it, also after failures: leaves what is behind it to others. A
  /// failure says that it is of no more use.
  virtual Task<MaybeFailure> finish(Reactor& reactor);

 protected:
  explicit Endpoint(Side side) : side_(side) {}
  void setLimits(const BlockLimits& limits) { limits_ = limits; }

 private:
  Side side_;
  BlockLimits limits_;
};

/// A descriptor of this process.
struct LocalSource {
  UniqueFd opened;
};

/// An agent that waits for blocks.
struct PeerSource {
  PeerLink link;
  /// Of the volume over there.
  uint64_t granularityBytes = 4 * kKiB;
};

/// How to open a side of a job; src/engine/types.ts calls it an EndpointDescription.
using EndpointSpec = std::variant<LocalSource, PeerSource>;

/// `requests` outlive the endpoint. Throws SetupError.
std::unique_ptr<Endpoint> openEndpoint(EndpointSpec spec, Side side, Endpoint::Access access,
                                       Requests& requests);

/// Asks each for its finish(), unless the job was abandoned: the failures, in the same order.
std::vector<MaybeFailure> finishEndpoints(Reactor& reactor, const std::vector<Endpoint*>& endpoints,
                                          const JobControl& control);

}  // namespace fastsync
