#include "frame_checksum.h"

#include <algorithm>
#include <array>
#include <span>

#include "peer_wire.h"

namespace fastsync {

namespace {

std::span<const std::byte> bytesOf(const Napi::Value& value) {
  const auto array = value.As<Napi::Uint8Array>();
  return std::as_bytes(std::span(array.Data(), array.ByteLength()));
}

}  // namespace

Napi::Value frameChecksum(const Napi::CallbackInfo& info) {
  bool isLossless = false;
  const uint64_t seed = info[0].As<Napi::BigInt>().Uint64Value(&isLossless);
  const std::array payload{bytesOf(info[2])};
  const auto checksum = frameChecksum(seed, bytesOf(info[1]), payload);
  Napi::Uint8Array result = Napi::Uint8Array::New(info.Env(), checksum.size());
  std::copy(checksum.begin(), checksum.end(), result.Data());
  return result;
}

}  // namespace fastsync
