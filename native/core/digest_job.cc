// Chunks are read in any order and digested in theirs, on the job's own thread: one core takes in
// XXH3 as fast as memory, and SHA-256 faster than most disks.
#include "digest_job.h"

namespace fastsync {

namespace {
constexpr unsigned kSides = 1;
}  // namespace

DigestJob::DigestJob(DigestSpec spec, JobControl& control)
    : spec_(std::move(spec)),
      control_(control),
      volume_(openEndpoint(std::move(spec_.volume), kSource, Endpoint::Access::kRead,
                           control.requestsOf(kSource))),
      chunkBytes_(usableChunkBytes(spec_.options, volume_->limits().granularityBytes, kSides)),
      work_(spec_.extents, chunkBytes_, kBridgedGapBytes),
      io_(spec_.options, chunkBytes_, kSides),
      cells_(spec_.algorithm, spec_.cellBytes) {
  spec_.extents = {};
  control_.counters.total = work_.totalBytes();
}

bool DigestJob::halted() const { return control_.stopping() || failure_; }

uint64_t DigestJob::windowBytes(const Extent& extent) const {
  const uint64_t unit = volume_->limits().granularityBytes;
  return roundUp(extent.end(), unit) - roundDown(extent.start, unit);
}

JobOutcome DigestJob::run() {
  io_.scheduler.run([this] { return halted() ? std::nullopt : work_.next(); },
                    [this](const Chunk& chunk) {
                      return Piece{windowBytes(chunk.span()), chunk.span().length};
                    },
                    [this](Chunk chunk, Arena::Block block) { return digestChunk(chunk, block); },
                    [this] { return !halted(); });

  JobOutcome outcome;
  outcome.linkFailures = finishEndpoints(io_.reactor, {volume_.get()}, control_);
  outcome.backend = io_.reactor.backend();
  outcome.failure = failure_;
  const bool whole = control_.counters.completed == control_.counters.total;
  outcome.cancelled = !failure_ && !whole;
  // The last cell of a job that was stopped has seen only some of its bytes.
  if (whole) cells_.finish();
  outcome.cells = cells_.takeCells();
  outcome.digests = cells_.takeDigests();
  outcome.badRanges = unreadable_.take();
  return outcome;
}

Task<> DigestJob::digestChunk(Chunk chunk, Arena::Block block) {
  const Window window{block.data,
                      roundDown(chunk.span().start, volume_->limits().granularityBytes)};
  const ChunkRead read = co_await readChunk(io_.reactor, *volume_, window, chunk, true, control_);
  if (read.fatal && !failure_) failure_ = read.fatal;
  co_await sequencer_.turn(chunk.position);
  // Whatever became of it, those behind it must be let through.
  if (!read.complete()) broken_ = true;
  if (!broken_) record(chunk, window, read);
  sequencer_.pass(chunk.position + chunk.bytes);
}

void DigestJob::record(const Chunk& chunk, Window window, const ChunkRead& read) {
  auto bad = read.bad.begin();
  for (const Extent& part : chunk.parts) {
    uint64_t start = part.start;
    for (; bad != read.bad.end() && bad->start < part.end(); ++bad) {
      cells_.add(window, {start, bad->start - start});
      cells_.addUnreadable(*bad);
      unreadable_.add(*bad);
      start = bad->end();
    }
    cells_.add(window, {start, part.end() - start});
  }
  Counters& counters = control_.counters;
  counters.read += chunk.bytes - totalLength(read.bad);
  counters.bad += totalLength(read.bad);
  counters.completed += chunk.bytes;
  counters.durable = counters.completed.load();
}

}  // namespace fastsync
