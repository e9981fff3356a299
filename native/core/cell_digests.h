// Cuts a stream of ascending pieces on the borders of a grid and digests what lies in each cell.
#pragma once

#include <memory>
#include <vector>

#include "endpoint.h"
#include "hasher.h"
#include "types.h"

namespace fastsync {

class CellDigests {
 public:
  CellDigests(Algorithm algorithm, uint64_t cellBytes);

  /// The next part of the volume, not below the end of the one before.
  void add(Window window, const Extent& part);
  /// The next part cannot be read: its cells have no digest.
  void addUnreadable(const Extent& part);
  /// Closes the last cell. Without it, that cell counts as unfinished and has no digest.
  void finish();

  std::vector<uint64_t> takeCells() { return std::move(cells_); }
  std::vector<uint8_t> takeDigests() { return std::move(digests_); }

 private:
  void enter(uint64_t cell);

  std::unique_ptr<Hasher> hasher_;
  uint64_t cellBytes_;
  uint64_t cell_ = 0;
  bool open_ = false;
  bool readable_ = true;
  std::vector<uint64_t> cells_;
  std::vector<uint8_t> digests_;
};

}  // namespace fastsync
