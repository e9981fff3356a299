// The memory for data under way: one locked region cut to size, so that a 4 KiB piece does not
// hold a 1 MiB buffer and the sum never passes the limit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>

namespace fastsync {

class Arena {
 public:
  struct Block {
    std::byte* data = nullptr;
    uint64_t bytes = 0;
  };

  /// Throws SetupError when there is no memory.
  explicit Arena(uint64_t bytes);
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena();

  std::span<std::byte> memory() const { return memory_; }
  /// Page-aligned; nothing when there is no room until something is given back.
  std::optional<Block> take(uint64_t bytes);
  void giveBack(const Block& block);

 private:
  std::span<std::byte> memory_;
  std::map<uint64_t, uint64_t> free_;  // offset to length, never touching each other
};

}  // namespace fastsync
