// One cell is open at a time: the pieces come in ascending order.
#include "cell_digests.h"

#include <algorithm>

namespace fastsync {

CellDigests::CellDigests(Algorithm algorithm, uint64_t cellBytes)
    : hasher_(makeHasher(algorithm)), cellBytes_(cellBytes) {}

void CellDigests::enter(uint64_t cell) {
  if (open_ && cell == cell_) return;
  finish();
  open_ = true;
  readable_ = true;
  cell_ = cell;
  hasher_->begin();
}

void CellDigests::add(Window window, const Extent& part) {
  for (uint64_t start = part.start; start < part.end();) {
    enter(start / cellBytes_);
    const uint64_t end = std::min(part.end(), (cell_ + 1) * cellBytes_);
    if (readable_) hasher_->add(window.at(start), end - start);
    start = end;
  }
}

void CellDigests::addUnreadable(const Extent& part) {
  for (uint64_t start = part.start; start < part.end();) {
    enter(start / cellBytes_);
    readable_ = false;
    start = (cell_ + 1) * cellBytes_;
  }
}

void CellDigests::finish() {
  if (open_ && readable_) {
    cells_.push_back(cell_);
    digests_.resize(cells_.size() * hasher_->digestBytes());
    hasher_->end(digests_.data() + digests_.size() - hasher_->digestBytes());
  }
  open_ = false;
}

}  // namespace fastsync
