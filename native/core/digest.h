// XXH3-128, in the widest vectors this processor has.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace fastsync {

/// In the canonical order of bytes, as xxhsum -H128 prints it.
using Digest = std::array<uint8_t, 16>;

Digest digestOf(const std::byte* data, uint64_t bytes);

/// "avx512", "avx2" or "baseline".
const char* digestFlavour();

}  // namespace fastsync
