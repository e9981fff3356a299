// SHA-256 is libcrypto's plain function, not its EVP layer: the same assembly with the processor's
// own SHA instructions, but without providers, configuration files and exit handlers in somebody
// else's process; the linker takes two of libcrypto's objects instead of all of them.
#include "hasher.h"

#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include <algorithm>

#include "digest_flavour.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace fastsync {

namespace {

class Xxh3Hasher final : public Hasher {
 public:
  Xxh3Hasher() { begin(); }
  size_t digestBytes() const override { return sizeof(Digest); }
  void begin() override { flavour_.begin(state_); }
  void add(const std::byte* data, uint64_t bytes) override { flavour_.add(state_, data, bytes); }
  void end(uint8_t* digest) override {
    const Digest result = flavour_.end(state_);
    std::copy(result.begin(), result.end(), digest);
  }

 private:
  const DigestFlavour& flavour_ = digestFlavourHere();
  Xxh3State state_;
};

class Xxh64Hasher final : public Hasher {
 public:
  Xxh64Hasher() { begin(); }
  size_t digestBytes() const override { return sizeof(XXH64_canonical_t); }
  void begin() override { XXH64_reset(&state_, 0); }
  void add(const std::byte* data, uint64_t bytes) override { XXH64_update(&state_, data, bytes); }
  void end(uint8_t* digest) override {
    XXH64_canonical_t canonical;
    XXH64_canonicalFromHash(&canonical, XXH64_digest(&state_));
    std::copy(std::begin(canonical.digest), std::end(canonical.digest), digest);
  }

 private:
  XXH64_state_t state_;
};

class Sha256Hasher final : public Hasher {
 public:
  Sha256Hasher() { begin(); }
  size_t digestBytes() const override { return SHA256_DIGEST_LENGTH; }
  void begin() override { SHA256_Init(&state_); }
  void add(const std::byte* data, uint64_t bytes) override { SHA256_Update(&state_, data, bytes); }
  void end(uint8_t* digest) override { SHA256_Final(digest, &state_); }

 private:
  SHA256_CTX state_;
};

}  // namespace

std::unique_ptr<Hasher> makeHasher(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kXxh3:
      return std::make_unique<Xxh3Hasher>();
    case Algorithm::kXxh64:
      return std::make_unique<Xxh64Hasher>();
    case Algorithm::kSha256:
      return std::make_unique<Sha256Hasher>();
  }
  return nullptr;
}

}  // namespace fastsync
