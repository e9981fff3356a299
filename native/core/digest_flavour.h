// What each compilation of the digest offers. Only plain types: an inline function in here would be
// compiled for several processors under one name, and the linker might keep the wrong one.
#pragma once

#include "digest.h"

namespace fastsync {

/// Room for xxhash's own state, which only the flavours know.
struct alignas(64) Xxh3State {
  std::byte room[576];
};

struct DigestFlavour {
  Digest (*whole)(const std::byte* data, uint64_t bytes);
  void (*begin)(Xxh3State& state);
  void (*add)(Xxh3State& state, const std::byte* data, uint64_t bytes);
  Digest (*end)(const Xxh3State& state);
  const char* name;
};

extern const DigestFlavour kDigestBaseline;
extern const DigestFlavour kDigestAvx2;
extern const DigestFlavour kDigestAvx512;

/// The best one for this processor.
const DigestFlavour& digestFlavourHere();

}  // namespace fastsync
