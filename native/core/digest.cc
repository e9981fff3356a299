// Chooses the flavour of the digest once, by what the processor says it can do.
#include "digest.h"

#include "digest_flavour.h"

namespace fastsync {

namespace {

const DigestFlavour& choose() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return kDigestAvx512;
  if (__builtin_cpu_supports("avx2")) return kDigestAvx2;
#endif
  return kDigestBaseline;
}

}  // namespace

const DigestFlavour& digestFlavourHere() {
  static const DigestFlavour& chosen = choose();
  return chosen;
}

Digest digestOf(const std::byte* data, uint64_t bytes) {
  return digestFlavourHere().whole(data, bytes);
}

const char* digestFlavour() { return digestFlavourHere().name; }

}  // namespace fastsync
