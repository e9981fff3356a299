// memcmp does the work: libc has it in the widest vectors the processor knows.
#include "scan.h"

#include <algorithm>
#include <cstring>

namespace fastsync {

namespace {

/// Calls `visit` for the pieces of `extent` between multiples of `granuleBytes`.
template <class Visit>
void forEachGranule(const Extent& extent, uint64_t granuleBytes, Visit visit) {
  uint64_t start = extent.start;
  while (start < extent.end()) {
    const uint64_t end = std::min(roundDown(start, granuleBytes) + granuleBytes, extent.end());
    visit(Extent{start, end - start});
    start = end;
  }
}

}  // namespace

void appendJoined(std::vector<Extent>& list, const Extent& piece) {
  if (!list.empty() && list.back().end() == piece.start) {
    list.back().length += piece.length;
  } else {
    list.push_back(piece);
  }
}

bool isZero(const std::byte* data, uint64_t bytes) {
  constexpr uint64_t kHead = 16;
  const uint64_t head = std::min(bytes, kHead);
  for (uint64_t i = 0; i < head; ++i) {
    if (data[i] != std::byte{0}) return false;
  }
  // All bytes equal those sixteen before them, and the first sixteen are zero.
  return bytes <= kHead || std::memcmp(data, data + kHead, bytes - kHead) == 0;
}

std::vector<Run> splitByZero(Window window, const Extent& extent, uint64_t granuleBytes) {
  std::vector<Run> runs;
  forEachGranule(extent, granuleBytes, [&](const Extent& piece) {
    const bool zero = isZero(window.at(piece.start), piece.length);
    if (!runs.empty() && runs.back().zero == zero) {
      runs.back().extent.length += piece.length;
    } else {
      runs.push_back({piece, zero});
    }
  });
  return runs;
}

Digest digestOfDigests(std::span<const Digest> digests) {
  if (digests.size() == 1) return digests.front();
  return digestOf(reinterpret_cast<const std::byte*>(digests.data()), digests.size_bytes());
}

Digest digestOfParts(Window window, const std::vector<Extent>& parts) {
  std::vector<Digest> digests;
  digests.reserve(parts.size());
  for (const Extent& part : parts) digests.push_back(digestOf(window.at(part.start), part.length));
  return digestOfDigests(digests);
}

void findDifferences(Window left, Window right, const Extent& extent, uint64_t granuleBytes,
                     std::vector<Extent>& differences) {
  const auto differ = [&](const Extent& piece) {
    return std::memcmp(left.at(piece.start), right.at(piece.start), piece.length) != 0;
  };
  if (!differ(extent)) return;
  forEachGranule(extent, granuleBytes, [&](const Extent& piece) {
    if (differ(piece)) appendJoined(differences, piece);
  });
}

std::vector<Extent> without(const std::vector<Extent>& parts, const std::vector<Extent>& holes) {
  std::vector<Extent> rest;
  auto hole = holes.begin();
  for (const Extent& part : parts) {
    uint64_t start = part.start;
    for (; hole != holes.end() && hole->start < part.end(); ++hole) {
      if (hole->start > start) rest.push_back({start, hole->start - start});
      start = hole->end();
    }
    if (part.end() > start) rest.push_back({start, part.end() - start});
  }
  return rest;
}

}  // namespace fastsync
