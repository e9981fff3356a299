// The checksum of a frame, for the engine and for JavaScript.
#include "peer_wire.h"

#include <algorithm>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace fastsync {

std::array<uint8_t, 8> frameChecksum(uint64_t seed, std::span<const std::byte> headStart,
                                     std::span<const std::span<const std::byte>> payload) {
  XXH3_state_t state;
  XXH3_INITSTATE(&state);
  XXH3_64bits_reset_withSeed(&state, seed);
  XXH3_64bits_update(&state, headStart.data(), headStart.size());
  for (const auto& part : payload) XXH3_64bits_update(&state, part.data(), part.size());
  XXH64_canonical_t canonical;
  XXH64_canonicalFromHash(&canonical, XXH3_64bits_digest(&state));
  std::array<uint8_t, 8> result{};
  std::copy(std::begin(canonical.digest), std::end(canonical.digest), result.begin());
  return result;
}

}  // namespace fastsync
