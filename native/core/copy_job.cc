// The flush intervals of a copy: fill, drain, flush, verify, and only then call it durable.
#include "copy_job.h"

#include <algorithm>
#include <cerrno>
#include <optional>

#include "rescue.h"

namespace fastsync {

namespace {

using Clock = std::chrono::steady_clock;

// An interval ends when so many ranges wait to be read back, to bound the memory for them.
constexpr size_t kMostProvenParts = 512 * kKiB;

}  // namespace

std::vector<CopyJob::Target> CopyJob::openTargets(CopySpec& spec, JobControl& control) {
  const bool readsBack = spec.compare || spec.verify;
  const auto access = readsBack ? Endpoint::Access::kReadWrite : Endpoint::Access::kWrite;
  std::vector<Target> targets;
  for (EndpointSpec& target : spec.targets) {
    const auto side = static_cast<Side>(targets.size());
    targets.push_back(
        {openEndpoint(std::move(target), side, access, control.requestsOf(side)), {}});
  }
  return targets;
}

uint64_t CopyJob::commonGranule(const Endpoint& source, const std::vector<Target>& targets) {
  uint64_t largest = source.limits().granularityBytes;
  for (const Target& target : targets)
    largest = std::max(largest, target.endpoint->limits().granularityBytes);
  return largest;
}

CopyJob::CopyJob(CopySpec spec, JobControl& control)
    : spec_(std::move(spec)),
      control_(control),
      buffersPerChunk_(spec_.compare ? 2 : 1),
      source_(openEndpoint(std::move(spec_.source), kSource, Endpoint::Access::kRead,
                           control.requestsOf(kSource))),
      targets_(openTargets(spec_, control)),
      granuleBytes_(commonGranule(*source_, targets_)),
      chunkBytes_(usableChunkBytes(spec_.options, granuleBytes_, buffersPerChunk_)),
      work_(spec_.extents, chunkBytes_, kBridgedGapBytes),
      io_(spec_.options, chunkBytes_, buffersPerChunk_),
      watermark_(spec_.startAtBytes) {
  spec_.extents = {};
  work_.skip(spec_.startAtBytes);
  control_.counters.total = work_.totalBytes();
  control_.counters.startAt(spec_.startAtBytes);
}

JobOutcome CopyJob::run() {
  while (!halted() && work_.position() < work_.totalBytes()) {
    copyUntilFlush();
    if (control_.abandoned()) break;
    flushAndVerify();
  }
  std::vector<Endpoint*> sides{source_.get()};
  for (const Target& target : targets_) sides.push_back(target.endpoint.get());
  linkFailures_ = finishEndpoints(io_.reactor, sides, control_);
  return outcome();
}

bool CopyJob::halted() const { return control_.stopping() || sourceFailure_ || !anyTargetLeft(); }

bool CopyJob::anyTargetLeft() const {
  return std::any_of(targets_.begin(), targets_.end(),
                     [](const Target& target) { return !target.failure; });
}

void CopyJob::giveUp(Target& target, const IoFailure& failure) {
  if (target.failure) return;  // the first reason is the one to tell
  target.failure = failure;
  ++control_.counters.failedTargets;
}

bool CopyJob::flushIsDue() const {
  if (intervalBytes_ == 0) return false;
  return provenParts_ >= kMostProvenParts || Clock::now() - intervalStart_ >= spec_.flushEvery;
}

void CopyJob::copyUntilFlush() {
  intervalStart_ = Clock::now();
  intervalBytes_ = 0;
  io_.scheduler.run(
      [this]() -> std::optional<Chunk> {
        if (halted() || flushIsDue()) return std::nullopt;
        auto chunk = work_.next();
        if (chunk) intervalBytes_ += chunk->bytes;
        return chunk;
      },
      [this](const Chunk& chunk) {
        return Piece{windowBytes(chunk.span()) * buffersPerChunk_, chunk.span().length};
      },
      [this](Chunk chunk, Arena::Block block) { return copyChunk(chunk, block); },
      [this] { return !halted(); });
}

void CopyJob::flushAndVerify() {
  io_.reactor.finish(flushTargets());
  if (spec_.verify) verifyTargets();
  proofs_.clear();
  provenParts_ = 0;
  if (anyTargetLeft() && !control_.abandoned()) control_.counters.durable = watermark_.position();
}

Task<> CopyJob::flushTargets() {
  std::vector<Task<>> flushes;
  for (Target& target : targets_) {
    if (!target.failure) flushes.push_back(flush(target));
  }
  for (Task<>& running : flushes) co_await running;
}

Task<> CopyJob::flush(Target& target) {
  const MaybeFailure failure = co_await target.endpoint->flush(io_.reactor);
  if (failure) giveUp(target, *failure);
}

void CopyJob::verifyTargets() {
  size_t target = 0;
  size_t proof = 0;
  io_.scheduler.run(
      [&]() -> std::optional<ProofCheck> {
        while (proof < proofs_.size()) {
          if (target == targets_.size()) {
            target = 0;
            ++proof;
            continue;
          }
          Target& candidate = targets_[target++];
          if (!candidate.failure) return ProofCheck{&candidate, &proofs_[proof]};
        }
        return std::nullopt;
      },
      [this](const ProofCheck& item) {
        return Piece{windowBytes(item.proof->chunk.span()), 0};
      },
      [this](ProofCheck item, Arena::Block block) { return check(item, block); },
      [this] { return !control_.abandoned(); });
}

Task<> CopyJob::check(ProofCheck item, Arena::Block block) {
  const Chunk& chunk = item.proof->chunk;
  Endpoint& endpoint = *item.target->endpoint;
  const Extent span = chunk.span();
  const PartsDigest held =
      co_await endpoint.digest(io_.reactor, windowFor(span, block.data), chunk.parts);
  if (held.failure) {
    giveUp(*item.target, *held.failure);
  } else if (held.digest != item.proof->digest) {
    giveUp(*item.target, {EIO, "verify", endpoint.side(), span.start, span.length});
  } else {
    control_.counters.verified += chunk.bytes;
  }
}

JobOutcome CopyJob::outcome() {
  JobOutcome result;
  result.backend = io_.reactor.backend();
  result.badRanges = bad_.take();
  result.linkFailures = std::move(linkFailures_);
  for (const Target& target : targets_) result.targetFailures.push_back(target.failure);
  if (sourceFailure_) {
    result.failure = sourceFailure_;
  } else if (!anyTargetLeft()) {
    result.failure = targets_.front().failure;
  }
  result.cancelled =
      !result.failure && control_.stopping() && control_.counters.durable < control_.counters.total;
  return result;
}

}  // namespace fastsync
