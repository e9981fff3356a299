// The epochs of a copy: fill, drain, flush, verify, and only then call it durable.
#include "copy_job.h"

#include <algorithm>
#include <cerrno>
#include <optional>

#include "rescue.h"

namespace fastsync {

namespace {

using Clock = std::chrono::steady_clock;

// An epoch ends when so many ranges wait to be read back, to bound the memory for them.
constexpr size_t kMostProvenParts = 512 * kKiB;

}  // namespace

std::vector<CopyJob::Target> CopyJob::openTargets(CopySpec& spec, JobControl& control) {
  const bool readsBack = spec.compare || spec.verify;
  const auto access = readsBack ? Endpoint::Access::kReadWrite : Endpoint::Access::kWrite;
  std::vector<Target> targets;
  for (UniqueFd& fd : spec.targets) {
    const auto side = static_cast<Side>(targets.size());
    targets.emplace_back(Endpoint(std::move(fd), side, access, control.requestsOf(side)));
  }
  return targets;
}

uint64_t CopyJob::commonGranule(const Endpoint& source, const std::vector<Target>& targets) {
  uint64_t largest = source.pageBytes();
  for (const Target& target : targets) largest = std::max(largest, target.endpoint.pageBytes());
  return largest;
}

CopyJob::CopyJob(CopySpec spec, JobControl& control)
    : spec_(std::move(spec)),
      control_(control),
      buffersPerChunk_(spec_.compare ? 2 : 1),
      source_(std::move(spec_.source), kSource, Endpoint::Access::kRead,
              control.requestsOf(kSource)),
      targets_(openTargets(spec_, control)),
      granuleBytes_(commonGranule(source_, targets_)),
      chunkBytes_(usableChunkBytes(spec_.effort, granuleBytes_, buffersPerChunk_)),
      work_(spec_.extents, chunkBytes_, kBridgedGapBytes),
      bench_(spec_.effort, chunkBytes_, buffersPerChunk_),
      watermark_(spec_.startAtBytes) {
  spec_.extents = {};
  work_.skip(spec_.startAtBytes);
  control_.counters.total = work_.totalBytes();
  control_.counters.startAt(spec_.startAtBytes);
}

JobOutcome CopyJob::run() {
  while (!halted() && work_.position() < work_.totalBytes()) {
    copyEpoch();
    if (control_.abandoned()) break;
    endEpoch();
  }
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

bool CopyJob::epochIsOver() const {
  if (epochBytes_ == 0) return false;
  if (spec_.flushEveryBytes > 0 && epochBytes_ >= spec_.flushEveryBytes) return true;
  return provenParts_ >= kMostProvenParts || Clock::now() - epochStart_ >= spec_.flushEvery;
}

void CopyJob::copyEpoch() {
  epochStart_ = Clock::now();
  epochBytes_ = 0;
  bench_.crew.run(
      [this]() -> std::optional<Chunk> {
        if (halted() || epochIsOver()) return std::nullopt;
        auto chunk = work_.next();
        if (chunk) epochBytes_ += chunk->bytes;
        return chunk;
      },
      [this](const Chunk& chunk) {
        return Piece{windowBytes(chunk.span()) * buffersPerChunk_, chunk.span().length};
      },
      [this](Chunk chunk, Arena::Block block) { return copyChunk(chunk, block); },
      [this] { return !halted(); });
}

void CopyJob::endEpoch() {
  bench_.reactor.finish(flushTargets());
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
  const MaybeFailure failure = co_await flushEndpoint(bench_.reactor, target.endpoint);
  if (failure) giveUp(target, *failure);
  // Both so that it is read back from the device, and to leave the cache to others.
  if (!target.endpoint.direct()) target.endpoint.dropCache({0, 0});
}

void CopyJob::verifyTargets() {
  size_t target = 0;
  size_t proof = 0;
  bench_.crew.run(
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
  const Endpoint& endpoint = item.target->endpoint;
  const Extent span = chunk.span();
  const Window window = windowFor(span, block.data);
  const ChunkRead read =
      co_await readChunk(bench_.reactor, endpoint, window, chunk, false, control_);
  if (read.fatal) {
    giveUp(*item.target, *read.fatal);
  } else if (digestOfParts(window, chunk.parts) != item.proof->digest) {
    giveUp(*item.target, {EIO, "verify", endpoint.side(), span.start, span.length});
  } else {
    control_.counters.verified += chunk.bytes;
  }
}

JobOutcome CopyJob::outcome() {
  JobOutcome result;
  result.backend = bench_.reactor.backend();
  result.badRanges = bad_.take();
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
