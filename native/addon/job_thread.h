// A job's thread and its way back to JavaScript. It lives until the promise is settled or the
// environment goes away, whichever comes first; the environment waits for it.
#pragma once

#include <napi.h>

#include <functional>
#include <memory>

#include "types.h"

namespace fastsync {

using JobBody = std::function<JobOutcome(JobControl&)>;

/// Starts `body` and returns the promise of its outcome. Keeps the event loop alive until then.
Napi::Promise startJob(Napi::Env env, JobBody body, std::shared_ptr<JobControl> control);

}  // namespace fastsync
