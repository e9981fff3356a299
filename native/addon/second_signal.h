#pragma once

#include <napi.h>

namespace fastsync {

/// watchSignals(exitCode, isScreen): from now on the second SIGINT, SIGTERM or SIGHUP ends the
/// process with this code within about a second, if JavaScript does not. Handlers that are
/// installed go on being called.
void watchSignals(const Napi::CallbackInfo& info);

/// unwatchSignals(): signals are JavaScript's alone again.
void unwatchSignals(const Napi::CallbackInfo& info);

/// exitNow(exitCode): ends the process without waiting for any of its threads.
void exitNow(const Napi::CallbackInfo& info);

}  // namespace fastsync
