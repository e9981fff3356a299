// Chooses the flavour of the digest once, by what the processor says it can do.
#include "digest.h"

namespace fastsync {

Digest digestBaseline(const std::byte* data, uint64_t bytes);
Digest digestAvx2(const std::byte* data, uint64_t bytes);
Digest digestAvx512(const std::byte* data, uint64_t bytes);

namespace {

struct Flavour {
  Digest (*digest)(const std::byte*, uint64_t);
  const char* name;
};

Flavour choose() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return {digestAvx512, "avx512"};
  if (__builtin_cpu_supports("avx2")) return {digestAvx2, "avx2"};
#endif
  return {digestBaseline, "baseline"};
}

const Flavour& flavour() {
  static const Flavour chosen = choose();
  return chosen;
}

}  // namespace

Digest digestOf(const std::byte* data, uint64_t bytes) { return flavour().digest(data, bytes); }

const char* digestFlavour() { return flavour().name; }

}  // namespace fastsync
