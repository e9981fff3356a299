// Requests out of JavaScript objects. The caller in src/engine/ has validated them: every field is
// there and of the right kind.
#pragma once

#include <napi.h>

#include "copy_job.h"

namespace fastsync {

/// Each duplicates the file descriptors, so that JavaScript may close its own at any time.
CopySpec copySpecFrom(const Napi::Object& request);

}  // namespace fastsync
