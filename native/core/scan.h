// Looks at bytes in memory: which pieces are all zero, which differ.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "digest.h"
#include "types.h"
#include "window.h"

namespace fastsync {

/// A piece of an extent that is all zero, or is not.
struct Run {
  Extent extent;
  bool zero = false;
};

bool isZero(const std::byte* data, uint64_t bytes);

/// Cuts `extent` where zero and other pieces meet, on multiples of `granuleBytes` of the device.
std::vector<Run> splitByZero(Window window, const Extent& extent, uint64_t granuleBytes);

/// One digest for the content of several ranges: of one its own, else over theirs in order.
Digest digestOfDigests(std::span<const Digest> digests);

/// The same, from memory.
Digest digestOfParts(Window window, const std::vector<Extent>& parts);

/// Appends `piece`, or lengthens the last extent where they touch.
void appendJoined(std::vector<Extent>& list, const Extent& piece);

/// Appends the granules of `extent` in which the two windows differ, neighbours joined.
void findDifferences(Window left, Window right, const Extent& extent, uint64_t granuleBytes,
                     std::vector<Extent>& differences);

/// `parts` without the `holes`; both are sorted, and each hole lies within a part.
std::vector<Extent> without(const std::vector<Extent>& parts, const std::vector<Extent>& holes);

}  // namespace fastsync
