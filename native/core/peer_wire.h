// What a job and the agent of another host say to each other while data moves, as docs/protocol.md
// has it under "Blocks". Numbers are little endian, as every machine is that this is built for.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "types.h"

namespace fastsync {

static_assert(std::endian::native == std::endian::little);

/// What every frame of a session begins with; src/protocol/frame.ts reads and writes it too.
struct FrameHead {
  uint32_t payloadBytes = 0;
  uint8_t kind = 0;
  std::array<uint8_t, 3> zero{};
  std::array<uint8_t, 8> checksum{};
};
static_assert(sizeof(FrameHead) == 16);

/// The kinds of frame that may come while data moves.
enum class FrameKind : uint8_t { kHeartbeat = 3, kBlock = 4 };

enum class BlockOp : uint8_t {
  kWrite = 1,    // the data follows
  kZero = 2,     // the range reads as zeroes afterwards
  kDiscard = 3,  // a hint
  kFlush = 4,    // what was answered before is on stable storage when this is
  kRead = 5,     // answered with the data
  kDigest = 6,   // a list of extents follows: one digest over them all
  kDigests = 7,  // a list of extents follows: a digest of each
  kEnd = 8,      // the last request: control messages follow
  kAnswer = 9,   // to the request with the same tag
};

/// What the payload of a block begins with.
struct BlockHead {
  BlockOp op = BlockOp::kAnswer;
  std::array<uint8_t, 3> zero{};
  /// Of an answer: 0, or the errno of what failed.
  uint32_t errnum = 0;
  /// Chosen by who asks.
  uint64_t tag = 0;
  /// The range that a request is about; of a failure, the range that failed.
  uint64_t offset = 0;
  uint64_t length = 0;
};
static_assert(sizeof(BlockHead) == 32);

/// The most that may follow a BlockHead: data, a list of extents, or digests.
inline constexpr uint64_t kMostBlockBytes = kMiB;
inline constexpr uint64_t kMostDigestedExtents = 4096;
/// An extent in a list: start and length, eight bytes each.
static_assert(sizeof(Extent) == 16);

/// More requests than this are never unanswered at once.
inline constexpr size_t kMostUnanswered = 1024;

/// XXH3-64 over the head without its checksum, and the payload in parts; in canonical order.
std::array<uint8_t, 8> frameChecksum(uint64_t seed, std::span<const std::byte> headStart,
                                     std::span<const std::span<const std::byte>> payload);

}  // namespace fastsync
