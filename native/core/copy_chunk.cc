// The way of one chunk through a copy: read, look, write to every target.
#include <algorithm>
#include <cerrno>

#include "copy_job.h"
#include "rescue.h"

namespace fastsync {

namespace {

// Holes smaller than this cost the file system more than they save.
constexpr uint64_t kHoleBytes = 64 * kKiB;

}  // namespace

uint64_t CopyJob::windowBytes(const Extent& extent) const {
  return roundUp(extent.end(), granuleBytes_) - roundDown(extent.start, granuleBytes_);
}

Window CopyJob::windowFor(const Extent& extent, std::byte* data) const {
  return {data, roundDown(extent.start, granuleBytes_)};
}

Task<> CopyJob::copyChunk(Chunk chunk, Arena::Block block) {
  watermark_.begin(chunk.position, chunk.bytes);
  const Window window = windowFor(chunk.span(), block.data);
  const Window scratch = windowFor(chunk.span(), block.data + block.bytes / 2);
  const ChunkRead read =
      co_await readChunk(io_.reactor, *source_, window, chunk, spec_.rescue, control_);
  if (read.fatal) noteSourceFailure(chunk, *read.fatal);
  if (!read.complete()) co_return;
  control_.counters.read += chunk.bytes - totalLength(read.bad);

  // What cannot be read becomes zeroes, so that nothing foreign stays in its place; but where the
  // target was compared it may hold the last good copy, and is left alone.
  const std::vector<Extent> readable = without(chunk.parts, read.bad);
  const std::vector<Extent>& parts = spec_.compare ? readable : chunk.parts;

  std::vector<Task<uint64_t>> writes;
  uint64_t touched = 0;
  for (Target& target : targets_) {
    if (target.failure) continue;
    Task<uint64_t> write = writeTarget(target, window, scratch, parts);
    if (spec_.compare) {
      touched += co_await write;  // the scratch buffer is one target's at a time
    } else {
      writes.push_back(std::move(write));
    }
  }
  for (Task<uint64_t>& write : writes) touched += co_await write;
  if (!anyTargetLeft()) co_return;
  if (spec_.verify && touched > 0 && !readable.empty())
    prove(window, {readable, totalLength(readable), chunk.position});
  for (const Extent& range : read.bad) bad_.add(range);
  control_.counters.bad += totalLength(read.bad);
  control_.counters.completed += chunk.bytes;
  watermark_.finish(chunk.position);
}

void CopyJob::noteSourceFailure(const Chunk& chunk, const IoFailure& failure) {
  // Of several, the first in the work list is the one to report.
  if (sourceFailure_ && sourceFailurePosition_ < chunk.position) return;
  sourceFailure_ = failure;
  sourceFailurePosition_ = chunk.position;
}

Task<uint64_t> CopyJob::writeTarget(Target& target, Window window, Window scratch,
                                    std::vector<Extent> parts) {
  if (spec_.compare) {
    const uint64_t before = totalLength(parts);
    parts = co_await differingParts(target, window, scratch, std::move(parts));
    control_.counters.identical += before - totalLength(parts);
  }
  for (const Extent& part : parts) {
    const MaybeFailure failure = co_await writePart(target, window, part);
    if (failure) {
      giveUp(target, *failure);
      co_return 0;
    }
  }
  co_return totalLength(parts);
}

Task<std::vector<Extent>> CopyJob::differingParts(Target& target, Window window, Window scratch,
                                                  std::vector<Extent> parts) {
  if (parts.empty()) co_return parts;
  Differences found =
      co_await target.endpoint->differing(io_.reactor, window, scratch, parts, granuleBytes_);
  if (found.failure) co_return parts;  // unreadable there: writing it may well mend it
  control_.counters.different += totalLength(found.extents);
  co_return std::move(found.extents);
}

Task<MaybeFailure> CopyJob::writePart(Target& target, Window window, Extent part) {
  // Neighbouring runs that are written either way go out as one.
  Extent pending{part.start, 0};
  for (const Run& run : splitByZero(window, part, std::max(kHoleBytes, granuleBytes_))) {
    // A device gets only whole chunks as write-zeroes: smaller ones are quicker written.
    const bool worthIt = spec_.targetsAreZero || target.endpoint->limits().makesHoles ||
                         run.extent.length == chunkBytes_;
    if (!run.zero || !worthIt) {
      pending.length += run.extent.length;
      continue;
    }
    MaybeFailure failure;
    if (pending.length > 0) {
      failure = co_await target.endpoint->write(io_.reactor, window, pending);
      control_.counters.written += pending.length;
    }
    if (!failure) failure = co_await writeZeroRun(target, window, run.extent);
    if (failure) co_return failure;
    pending = {run.extent.end(), 0};
  }
  if (pending.length == 0) co_return std::nullopt;
  const MaybeFailure failure = co_await target.endpoint->write(io_.reactor, window, pending);
  if (!failure) control_.counters.written += pending.length;
  co_return failure;
}

Task<MaybeFailure> CopyJob::writeZeroRun(Target& target, Window window, Extent run) {
  if (spec_.targetsAreZero) {
    control_.counters.zero += run.length;
    co_return std::nullopt;
  }
  const uint64_t unit = target.endpoint->limits().granularityBytes;
  const bool aligned = run.start % unit == 0 && run.length % unit == 0;
  if (aligned && run.length >= kHoleBytes && !co_await target.endpoint->zero(io_.reactor, run)) {
    control_.counters.zero += run.length;
    co_return std::nullopt;
  }
  const MaybeFailure failure = co_await target.endpoint->write(io_.reactor, window, run);
  if (!failure) control_.counters.written += run.length;
  co_return failure;
}

void CopyJob::prove(Window window, Chunk chunk) {
  const Digest digest = digestOfParts(window, chunk.parts);
  provenParts_ += chunk.parts.size();
  proofs_.push_back({std::move(chunk), digest});
}

}  // namespace fastsync
