// Part of core_test: marks that are set while they are taken.
#pragma once

#include <cstdint>

namespace fastsync {

/// How many things were wrong.
int testDirtyBitmap(uint32_t seed);

}  // namespace fastsync
