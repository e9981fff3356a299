// What the kernel says about an open file or device.
#pragma once

#include <napi.h>

namespace fastsync {

/// deviceInfo(fd): DeviceInfo of src/engine/types.ts. Throws a Node-shaped error.
Napi::Value deviceInfo(const Napi::CallbackInfo& info);

}  // namespace fastsync
