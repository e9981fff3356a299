// Descriptors of streams, which Node makes but does not give out.
#pragma once

#include <napi.h>

namespace fastsync {

/// socketPair(): [number, number], the two ends of a stream. Closed in children. Throws a
/// Node-shaped error.
Napi::Value socketPair(const Napi::CallbackInfo& info);

/// duplicateDescriptor(fd): number. Throws a Node-shaped error.
Napi::Value duplicateDescriptor(const Napi::CallbackInfo& info);

}  // namespace fastsync
