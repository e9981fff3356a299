// Requests out of JavaScript objects. The caller in src/engine/ has validated them: every field is
// there and of the right kind.
#pragma once

#include <napi.h>

#include "clear_job.h"
#include "compare_job.h"
#include "copy_job.h"
#include "digest_job.h"
#include "peer_server.h"

namespace fastsync {

/// So that JavaScript may close its own at any time. Throws a Node-shaped error.
UniqueFd duplicateFd(const Napi::Value& fd);

// Each duplicates the descriptors of the request.
CopySpec copySpecFrom(const Napi::Object& request);
CompareSpec compareSpecFrom(const Napi::Object& request);
ClearSpec clearSpecFrom(const Napi::Object& request);
DigestSpec digestSpecFrom(const Napi::Object& request);
ServeSpec serveSpecFrom(const Napi::Object& request);

}  // namespace fastsync
