// What require() of the built file gives.
#include <napi.h>

#include "device.h"
#include "digest.h"
#include "frame_checksum.h"
#include "io_queue.h"
#include "job_object.h"
#include "notify.h"
#include "second_signal.h"
#include "streams.h"
#include "tracker_object.h"

namespace fastsync {

namespace {

Napi::Value digest(const Napi::CallbackInfo& info) {
  const auto bytes = info[0].As<Napi::Uint8Array>();
  const Digest digest =
      digestOf(reinterpret_cast<const std::byte*>(bytes.Data()), bytes.ByteLength());
  Napi::Uint8Array result = Napi::Uint8Array::New(info.Env(), digest.size());
  std::copy(digest.begin(), digest.end(), result.Data());
  return result;
}

Napi::Value flavour(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), digestFlavour());
}

/// Which queue `auto` would take here and now.
Napi::Value backend(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), openQueue(Backend::kAuto, 1)->name());
}

Napi::Object define(Napi::Env env, Napi::Object exports) {
  exports["Job"] = JobObject::define(env);
  exports["Tracker"] = TrackerObject::define(env);
  exports["trackerNote"] = Napi::Function::New(env, trackerNote, "trackerNote");
  exports["deviceInfo"] = Napi::Function::New(env, deviceInfo, "deviceInfo");
  exports["nextData"] = Napi::Function::New(env, nextData, "nextData");
  exports["cachedDevice"] = Napi::Function::New(env, cachedDevice, "cachedDevice");
  exports["readPast"] = Napi::Function::New(env, readPast, "readPast");
  exports["backend"] = Napi::Function::New(env, backend, "backend");
  exports["digest"] = Napi::Function::New(env, digest, "digest");
  exports["digestFlavour"] = Napi::Function::New(env, flavour, "digestFlavour");
  exports["socketPair"] = Napi::Function::New(env, socketPair, "socketPair");
  exports["duplicateDescriptor"] =
      Napi::Function::New(env, duplicateDescriptor, "duplicateDescriptor");
  exports["frameChecksum"] = Napi::Function::New(env, frameChecksum, "frameChecksum");
  exports["notifySocket"] = Napi::Function::New(env, notifySocket, "notifySocket");
  exports["watchSignals"] = Napi::Function::New(env, watchSignals, "watchSignals");
  exports["unwatchSignals"] = Napi::Function::New(env, unwatchSignals, "unwatchSignals");
  exports["exitNow"] = Napi::Function::New(env, exitNow, "exitNow");
  return exports;
}

}  // namespace

NODE_API_MODULE(fastsync, define)

}  // namespace fastsync
