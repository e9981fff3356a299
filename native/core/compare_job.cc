// Both sides of a chunk are read at once; memcmp decides.
#include "compare_job.h"

#include <algorithm>

#include "rescue.h"
#include "scan.h"

namespace fastsync {

namespace {
constexpr unsigned kSides = 2;
constexpr Side kRight = 0;
}  // namespace

CompareJob::CompareJob(CompareSpec spec, JobControl& control)
    : spec_(std::move(spec)),
      control_(control),
      left_(openEndpoint(std::move(spec_.left), kSource, Endpoint::Access::kRead,
                         control.requestsOf(kSource))),
      right_(openEndpoint(std::move(spec_.right), kRight, Endpoint::Access::kRead,
                          control.requestsOf(kRight))),
      granuleBytes_(std::max({left_->limits().granularityBytes, right_->limits().granularityBytes,
                              spec_.granularityBytes})),
      chunkBytes_(usableChunkBytes(spec_.options, granuleBytes_, kSides)),
      work_(spec_.extents, chunkBytes_, kBridgedGapBytes),
      io_(spec_.options, chunkBytes_, kSides),
      watermark_(spec_.startAtBytes) {
  spec_.extents = {};
  work_.skip(spec_.startAtBytes);
  control_.counters.total = work_.totalBytes();
  control_.counters.startAt(spec_.startAtBytes);
}

bool CompareJob::halted() const { return control_.stopping() || failure_; }

uint64_t CompareJob::windowBytes(const Extent& extent) const {
  return roundUp(extent.end(), granuleBytes_) - roundDown(extent.start, granuleBytes_);
}

JobOutcome CompareJob::run() {
  io_.scheduler.run([this] { return halted() ? std::nullopt : work_.next(); },
                    [this](const Chunk& chunk) {
                      return Piece{windowBytes(chunk.span()) * kSides, chunk.span().length};
                    },
                    [this](Chunk chunk, Arena::Block block) { return compareChunk(chunk, block); },
                    [this] { return !halted(); });

  JobOutcome outcome;
  outcome.linkFailures = finishEndpoints(io_.reactor, {left_.get(), right_.get()}, control_);
  outcome.backend = io_.reactor.backend();
  outcome.failure = failure_;
  outcome.cancelled = !failure_ && control_.counters.completed < control_.counters.total;
  outcome.differentRanges = different_.take();
  outcome.badRanges = unreadable_.take();
  return outcome;
}

Task<> CompareJob::compareChunk(Chunk chunk, Arena::Block block) {
  watermark_.begin(chunk.position, chunk.bytes);
  const Extent span = chunk.span();
  const uint64_t start = roundDown(span.start, granuleBytes_);
  const Window leftWindow{block.data, start};
  const Window rightWindow{block.data + windowBytes(span), start};
  Task<ChunkRead> leftRead = readChunk(io_.reactor, *left_, leftWindow, chunk, true, control_);
  Task<ChunkRead> rightRead = readChunk(io_.reactor, *right_, rightWindow, chunk, true, control_);
  const ChunkRead left = co_await leftRead;
  const ChunkRead right = co_await rightRead;
  for (const ChunkRead* side : {&left, &right}) {
    if (side->fatal && !failure_) failure_ = side->fatal;
  }
  if (!left.complete() || !right.complete()) co_return;

  RangeList bad;
  for (const Extent& range : left.bad) bad.add(range);
  for (const Extent& range : right.bad) bad.add(range);
  const std::vector<Extent> unreadable = bad.take();
  const std::vector<Extent> readable = without(chunk.parts, unreadable);
  std::vector<Extent> differences;
  for (const Extent& part : readable)
    findDifferences(leftWindow, rightWindow, part, spec_.granularityBytes, differences);

  for (const Extent& range : unreadable) unreadable_.add(range);
  for (const Extent& range : differences) different_.add(range);
  Counters& counters = control_.counters;
  counters.read += totalLength(readable);
  counters.bad += totalLength(unreadable);
  counters.different += totalLength(differences);
  counters.identical += totalLength(readable) - totalLength(differences);
  counters.completed += chunk.bytes;
  watermark_.finish(chunk.position);
  counters.durable = watermark_.position();
}

}  // namespace fastsync
