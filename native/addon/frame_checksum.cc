#include "frame_checksum.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>

namespace fastsync {

Napi::Value frameChecksum(const Napi::CallbackInfo& info) {
  bool isLossless = false;
  const std::uint64_t seed = info[0].As<Napi::BigInt>().Uint64Value(&isLossless);
  XXH3_state_t state;
  XXH3_INITSTATE(&state);
  XXH3_64bits_reset_withSeed(&state, seed);
  for (const std::size_t index : {1U, 2U}) {
    const auto part = info[index].As<Napi::Uint8Array>();
    XXH3_64bits_update(&state, part.Data(), part.ByteLength());
  }
  XXH64_canonical_t canonical;
  XXH64_canonicalFromHash(&canonical, XXH3_64bits_digest(&state));
  Napi::Uint8Array result = Napi::Uint8Array::New(info.Env(), sizeof(canonical.digest));
  std::copy(std::begin(canonical.digest), std::end(canonical.digest), result.Data());
  return result;
}

}  // namespace fastsync
