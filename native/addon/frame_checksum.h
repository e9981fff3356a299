// The checksum of a frame of the protocol between two hosts.
#pragma once

#include <napi.h>

namespace fastsync {

/// frameChecksum(seed: bigint, head: Uint8Array, payload: Uint8Array): Uint8Array — XXH3-64 over
/// both, in the canonical order of bytes.
Napi::Value frameChecksum(const Napi::CallbackInfo& info);

}  // namespace fastsync
