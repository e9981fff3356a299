// A digest that is fed piece by piece: one interface for all that a manifest may be made with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace fastsync {

enum class Algorithm { kXxh3, kXxh64, kSha256 };

class Hasher {
 public:
  Hasher() = default;
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;
  virtual ~Hasher() = default;

  virtual size_t digestBytes() const = 0;
  virtual void begin() = 0;
  virtual void add(const std::byte* data, uint64_t bytes) = 0;
  /// Writes digestBytes() bytes in the order in which the usual tools print them.
  virtual void end(uint8_t* digest) = 0;
};

/// Ready to be fed; begin() makes it ready again.
std::unique_ptr<Hasher> makeHasher(Algorithm algorithm);

}  // namespace fastsync
