// Word to the service manager, which listens on a datagram socket: Node has none of those.
#pragma once

#include <napi.h>

namespace fastsync {

/// notifySocket(path, message): 0, or the errno of what went wrong. A leading '@' is the abstract
/// namespace, as in sd_notify(3).
Napi::Value notifySocket(const Napi::CallbackInfo& info);

}  // namespace fastsync
