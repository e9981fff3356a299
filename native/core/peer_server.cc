// One coroutine reads the stream, and stops reading while there is no memory: the link then holds
// the sender back. What it read is done in any order, and answered as it is done.
#include "peer_server.h"

#include <algorithm>
#include <cerrno>

#include "hasher.h"
#include "scan.h"

namespace fastsync {

namespace {

constexpr Side kVolume = 0;
// So soon it is noticed that this process wants to end.
constexpr std::chrono::milliseconds kLongestWait{100};
/// Written where the volume cannot make zeroes by itself.
constexpr uint64_t kZeroBytes = 256 * kKiB;

Extent rangeOf(const BlockHead& head) { return {head.offset, head.length}; }

/// A coroutine that waits until somebody resumes it.
struct Parked {
  std::coroutine_handle<>& place;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter) { place = waiter; }
  void await_resume() const noexcept {}
};

void resumeParked(std::coroutine_handle<>& place) {
  if (place) std::exchange(place, {}).resume();
}

}  // namespace

PeerServer::PeerServer(ServeSpec spec, JobControl& control)
    : spec_(std::move(spec)),
      control_(control),
      volume_(openEndpoint(std::move(spec_.volume), kVolume, Endpoint::Access::kReadWrite,
                           control.requestsOf(kVolume))),
      granuleBytes_(volume_->limits().granularityBytes),
      // A block may begin and end within a granule, and the zeroes are never given back.
      io_(spec_.options, kMostBlockBytes + 2 * granuleBytes_ + kZeroBytes, 1),
      stream_(std::move(spec_.link)) {
  // Fresh memory is zero, and nothing is ever read into it.
  zeroes_ = io_.arena.take(kZeroBytes).value();
}

JobOutcome PeerServer::run() {
  stream_.start(io_.reactor);
  // A driver reads the answers as they come; it need not send while this side does not read.
  stream_.expectTaken();
  const Task<> serving = serve();
  while (!serving.done()) {
    if (control_.stopping()) stream_.fail(ECANCELED);
    io_.reactor.poll(kLongestWait);
  }
  JobOutcome outcome;
  outcome.backend = io_.reactor.backend();
  outcome.cancelled = control_.stopping();
  if (!isEnded_) outcome.failure = IoFailure{stream_.failure(), "link", kVolume, 0, 0};
  return outcome;
}

Task<> PeerServer::serve() {
  bool goesOn = true;
  while (goesOn) {
    ReceivedBlock block;
    if (co_await stream_.receive(block) != 0) break;
    goesOn = co_await take(block);
  }
  // What is under way works on memory of this object.
  co_await allEnded();
}

Task<bool> PeerServer::take(ReceivedBlock block) {
  const BlockHead head = block.head;
  const Extent range = rangeOf(head);
  if (!isLegal(block)) {
    stream_.fail(EPROTO);
    co_return false;
  }
  switch (head.op) {
    case BlockOp::kWrite: {
      const Arena::Block memory = co_await memoryFor(range);
      const Window window = windowFor(range, memory);
      if (co_await stream_.receiveData({window.at(range.start), range.length}) != 0) {
        giveBack(memory);
        co_return false;
      }
      write(head, memory);
      co_return true;
    }
    case BlockOp::kDigest:
    case BlockOp::kDigests: {
      std::vector<Extent> extents(block.dataBytes / sizeof(Extent));
      if (co_await stream_.receiveData(std::as_writable_bytes(std::span(extents))) != 0)
        co_return false;
      if (!areLegal(extents, head)) {
        stream_.fail(EPROTO);
        co_return false;
      }
      // The list and the digests count too: many of them may wait for a driver that reads slowly.
      const uint64_t listBytes = extents.size() * (sizeof(Extent) + sizeof(Digest));
      const Arena::Block memory = co_await memoryFor(range, listBytes);
      digest(head, std::move(extents), memory);
      co_return true;
    }
    case BlockOp::kRead:
      read(head, co_await memoryFor(range));
      co_return true;
    case BlockOp::kZero:
      zero(head);
      co_return true;
    case BlockOp::kDiscard:
      discard(head);
      co_return true;
    case BlockOp::kFlush:
      flush(head);
      co_return true;
    default:  // kEnd: isLegal() lets nothing else through
      co_await allEnded();
      isEnded_ = true;
      co_await answer(head, std::nullopt);
      co_return false;
  }
}

bool PeerServer::isLegal(const ReceivedBlock& block) const {
  const BlockHead& head = block.head;
  const bool isWithin =
      head.length <= spec_.sizeBytes && head.offset <= spec_.sizeBytes - head.length;
  if (!isWithin || head.errnum != 0 || active_ >= kMostUnanswered) return false;
  switch (head.op) {
    case BlockOp::kWrite:
      return head.length > 0 && block.dataBytes == head.length;
    case BlockOp::kRead:
      return head.length > 0 && head.length <= kMostBlockBytes && block.dataBytes == 0;
    case BlockOp::kZero:
    case BlockOp::kDiscard:
      return head.length > 0 && block.dataBytes == 0;
    case BlockOp::kDigest:
    case BlockOp::kDigests:
      return head.length > 0 && block.dataBytes > 0 && block.dataBytes % sizeof(Extent) == 0 &&
             block.dataBytes / sizeof(Extent) <= kMostDigestedExtents;
    case BlockOp::kFlush:
    case BlockOp::kEnd:
      return head.length == 0 && block.dataBytes == 0;
    default:
      return false;
  }
}

/// Ascending, apart or touching, and within the range of the request.
bool PeerServer::areLegal(const std::vector<Extent>& extents, const BlockHead& head) const {
  uint64_t position = head.offset;
  for (const Extent& extent : extents) {
    const bool isWithin = extent.start >= position && extent.length > 0 &&
                          extent.start <= head.offset + head.length &&
                          extent.length <= head.offset + head.length - extent.start;
    if (!isWithin) return false;
    position = extent.end();
  }
  return true;
}

uint64_t PeerServer::windowBytes(const Extent& extent) const {
  return roundUp(extent.end(), granuleBytes_) - roundDown(extent.start, granuleBytes_);
}

Window PeerServer::windowFor(const Extent& extent, const Arena::Block& block) const {
  return {block.data, roundDown(extent.start, granuleBytes_)};
}

/// Only the coroutine that reads the stream asks, so one may wait. More than a block's range is
/// read in pieces of one.
Task<Arena::Block> PeerServer::memoryFor(const Extent& extent, uint64_t leastBytes) {
  const uint64_t bytes =
      std::min(std::max(windowBytes(extent), leastBytes), kMostBlockBytes + 2 * granuleBytes_);
  auto block = io_.arena.take(bytes);
  // While it does not read, the driver's silence is our own doing.
  if (!block) stream_.pause();
  while (!block) {
    co_await Parked{waitsForMemory_};
    block = io_.arena.take(bytes);
  }
  stream_.resume();
  begin();
  co_return *block;
}

void PeerServer::giveBack(const Arena::Block& block) {
  io_.arena.giveBack(block);
  end();
  resumeParked(waitsForMemory_);
}

void PeerServer::end() {
  --active_;
  if (active_ == 0) resumeParked(waitsForEnd_);
}

Task<> PeerServer::allEnded() {
  while (active_ > 0) co_await Parked{waitsForEnd_};
}

Detached PeerServer::write(BlockHead head, Arena::Block block) {
  const Extent range = rangeOf(head);
  const MaybeFailure failure = co_await volume_->write(io_.reactor, windowFor(range, block), range);
  if (!failure) control_.counters.written += range.length;
  co_await answer(head, failure);
  giveBack(block);
}

Detached PeerServer::zero(BlockHead head) {
  begin();
  const Extent range = rangeOf(head);
  const Extent whole = inner(range, granuleBytes_);
  MaybeFailure failure = co_await writeZeroes({range.start, whole.start - range.start});
  if (!failure && whole.length > 0) {
    failure = co_await volume_->zero(io_.reactor, whole);
    if (failure && failure->errnum == EOPNOTSUPP) failure = co_await writeZeroes(whole);
  }
  if (!failure) failure = co_await writeZeroes({whole.end(), range.end() - whole.end()});
  if (!failure) control_.counters.zero += range.length;
  co_await answer(head, failure);
  end();
}

Task<MaybeFailure> PeerServer::writeZeroes(Extent extent) {
  MaybeFailure failure;
  for (uint64_t start = extent.start; start < extent.end() && !failure && isHeard();) {
    const uint64_t base = roundDown(start, kZeroBytes);
    const Extent piece{start, std::min(base + kZeroBytes, extent.end()) - start};
    failure = co_await volume_->write(io_.reactor, {zeroes_.data, base}, piece);
    start = piece.end();
  }
  co_return failure;
}

Detached PeerServer::discard(BlockHead head) {
  begin();
  co_await answer(head, co_await volume_->discard(io_.reactor, rangeOf(head)));
  end();
}

Detached PeerServer::flush(BlockHead head) {
  begin();
  co_await answer(head, co_await volume_->flush(io_.reactor));
  end();
}

Detached PeerServer::read(BlockHead head, Arena::Block block) {
  const Extent range = rangeOf(head);
  const Window window = windowFor(range, block);
  const MaybeFailure failure = co_await volume_->read(io_.reactor, window, range);
  if (!failure) control_.counters.read += range.length;
  co_await answer(head, failure, {window.at(range.start), range.length});
  giveBack(block);
}

Detached PeerServer::digest(BlockHead head, std::vector<Extent> extents, Arena::Block block) {
  std::vector<Digest> digests;
  const MaybeFailure failure = co_await digestEach(head, extents, block, digests);
  if (!failure && head.op == BlockOp::kDigest) digests = {digestOfDigests(digests)};
  co_await answer(head, failure, std::as_bytes(std::span(digests)));
  giveBack(block);
}

Task<MaybeFailure> PeerServer::digestEach(BlockHead head, const std::vector<Extent>& extents,
                                          Arena::Block block, std::vector<Digest>& digests) {
  digests.resize(extents.size());
  if (head.length <= kMostBlockBytes) {
    const Window window = windowFor(rangeOf(head), block);
    // A bad sector may lie in a gap, which nobody asked for: then each by itself.
    if (!co_await volume_->read(io_.reactor, window, rangeOf(head))) {
      for (size_t i = 0; i < extents.size(); ++i)
        digests[i] = digestOf(window.at(extents[i].start), extents[i].length);
      co_return std::nullopt;
    }
  }
  MaybeFailure failure;
  for (size_t i = 0; i < extents.size() && !failure && isHeard(); ++i)
    failure = co_await digestPieces(extents[i], block, digests[i]);
  co_return failure;
}

Task<MaybeFailure> PeerServer::digestPieces(Extent extent, Arena::Block block, Digest& digest) {
  // On the heap: the compiler does not align what lies in a coroutine's frame as vectors need it.
  const auto hasher = makeHasher(Algorithm::kXxh3);
  hasher->begin();
  MaybeFailure failure;
  for (uint64_t start = extent.start; start < extent.end() && !failure && isHeard();) {
    const Extent piece{start, std::min(kMostBlockBytes, extent.end() - start)};
    const Window window = windowFor(piece, block);
    failure = co_await volume_->read(io_.reactor, window, piece);
    if (!failure) hasher->add(window.at(start), piece.length);
    start = piece.end();
  }
  hasher->end(digest.data());
  co_return failure;
}

Task<> PeerServer::answer(BlockHead asked, MaybeFailure failure, std::span<const std::byte> data) {
  BlockHead head{
      .op = BlockOp::kAnswer, .tag = asked.tag, .offset = asked.offset, .length = asked.length};
  if (failure) {
    head.errnum = static_cast<uint32_t>(failure->errnum);
    // Direct I/O may have failed a little outside.
    const uint64_t start = std::clamp(failure->offset, asked.offset, asked.offset + asked.length);
    const uint64_t end =
        std::clamp(failure->offset + failure->length, start, asked.offset + asked.length);
    head.offset = start;
    head.length = end - start;
    data = {};
  }
  co_await stream_.send(head, data);
}

}  // namespace fastsync
