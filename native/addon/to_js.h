// Engine values as JavaScript values.
#pragma once

#include <napi.h>

#include "types.h"

namespace fastsync {

/// An IoFailure of src/engine/types.ts, or null.
Napi::Value failureToJs(Napi::Env env, const MaybeFailure& failure);
Napi::Object progressToJs(Napi::Env env, const Counters& counters);
/// Of the source, and of each target.
Napi::Array requestsToJs(Napi::Env env, const JobControl& control);
Napi::Object outcomeToJs(Napi::Env env, const JobOutcome& outcome, const JobControl& control);

}  // namespace fastsync
