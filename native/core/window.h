// Memory that stands for a piece of a volume.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fastsync {

/// Byte `start` of the volume is at `data`.
struct Window {
  std::byte* data = nullptr;
  uint64_t start = 0;
  std::byte* at(uint64_t offset) const { return data + (offset - start); }
};

}  // namespace fastsync
