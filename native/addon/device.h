// Small questions to one open file or device, apart from any job.
#pragma once

#include <napi.h>

namespace fastsync {

/// deviceInfo(fd): DeviceInfo of src/engine/types.ts. Throws a Node-shaped error.
Napi::Value deviceInfo(const Napi::CallbackInfo& info);

/// nextData(fd, offsetBytes): Promise<number>, where data begins at or behind that place, -1 where
/// none does.
Napi::Value nextData(const Napi::CallbackInfo& info);

/// cachedDevice(path): Promise<string | null>, the numbers ("8:1") of the block device that a path
/// leads to, by what the kernel has cached: it waits for no server that FUSE, NFS, SMB or Ceph
/// knows.
Napi::Value cachedDevice(const Napi::CallbackInfo& info);

/// readPast(fd, offsetBytes, lengthBytes): Promise<Uint8Array>, read past the page cache.
Napi::Value readPast(const Napi::CallbackInfo& info);

}  // namespace fastsync
