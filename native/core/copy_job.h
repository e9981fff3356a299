// Copies extents from one source to any number of targets. The source is read once; the end of a
// read starts the writes of the same buffer.
//
// Work goes in flush intervals. At the end of one nothing is in flight any more, the targets are
// flushed and, if asked, read back; only then does `durable` move on. A checkpoint that says
// `durable` therefore never claims more than the targets hold.
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "digest.h"
#include "endpoint.h"
#include "io_context.h"
#include "range_list.h"
#include "scan.h"
#include "types.h"
#include "watermark.h"
#include "work_list.h"

namespace fastsync {

struct CopySpec {
  EndpointSpec source;
  std::vector<EndpointSpec> targets;
  std::vector<Extent> extents;  // none overlapping another
  uint64_t startAtBytes = 0;
  bool compare = false;
  bool verify = false;
  bool rescue = false;
  bool targetsAreZero = false;
  std::chrono::milliseconds flushEvery{5000};
  IoOptions options;
};

class CopyJob {
 public:
  /// Throws SetupError.
  CopyJob(CopySpec spec, JobControl& control);
  JobOutcome run();

 private:
  struct Target {
    std::unique_ptr<Endpoint> endpoint;
    MaybeFailure failure;
  };
  /// What a chunk, less its bad sectors, held in memory when it was copied.
  struct Proof {
    Chunk chunk;
    Digest digest;
  };
  struct ProofCheck {
    Target* target = nullptr;
    const Proof* proof = nullptr;
  };

  static std::vector<Target> openTargets(CopySpec& spec, JobControl& control);
  static uint64_t commonGranule(const Endpoint& source, const std::vector<Target>& targets);

  bool halted() const;
  bool anyTargetLeft() const;
  void giveUp(Target& target, const IoFailure& failure);
  bool flushIsDue() const;
  uint64_t windowBytes(const Extent& extent) const;
  Window windowFor(const Extent& extent, std::byte* data) const;

  void copyUntilFlush();
  Task<> copyChunk(Chunk chunk, Arena::Block block);
  void noteSourceFailure(const Chunk& chunk, const IoFailure& failure);
  Task<uint64_t> writeTarget(Target& target, Window window, Window scratch,
                             std::vector<Extent> parts);
  Task<std::vector<Extent>> differingParts(Target& target, Window window, Window scratch,
                                           std::vector<Extent> parts);
  Task<MaybeFailure> writePart(Target& target, Window window, Extent part);
  Task<MaybeFailure> writeZeroRun(Target& target, Window window, Extent run);
  void prove(Window window, Chunk chunk);

  void flushAndVerify();
  Task<> flushTargets();
  Task<> flush(Target& target);
  void verifyTargets();
  Task<> check(ProofCheck item, Arena::Block block);
  JobOutcome outcome();

  CopySpec spec_;
  JobControl& control_;
  unsigned buffersPerChunk_;
  std::unique_ptr<Endpoint> source_;
  std::vector<Target> targets_;
  uint64_t granuleBytes_;
  uint64_t chunkBytes_;
  WorkList work_;
  IoContext io_;
  Watermark watermark_;
  RangeList bad_;
  MaybeFailure sourceFailure_;
  std::vector<MaybeFailure> linkFailures_;
  uint64_t sourceFailurePosition_ = 0;
  std::vector<Proof> proofs_;
  size_t provenParts_ = 0;
  std::chrono::steady_clock::time_point intervalStart_;
  uint64_t intervalBytes_ = 0;
};

}  // namespace fastsync
