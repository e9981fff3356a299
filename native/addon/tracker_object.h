// The kernel's write tracker as an object of JavaScript's.
#pragma once

#include <napi.h>

#include <memory>

#include "tracker.h"

namespace fastsync {

/// new Tracker(request): see NativeTracker of src/engine/native-tracker.ts. Errors have Node's
/// shape.
class TrackerObject : public Napi::ObjectWrap<TrackerObject> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit TrackerObject(const Napi::CallbackInfo& info);

 private:
  Napi::Value take(const Napi::CallbackInfo& info);
  Napi::Value read(const Napi::CallbackInfo& info);
  Napi::Value hold(const Napi::CallbackInfo& info);
  Napi::Value clearHeld(const Napi::CallbackInfo& info);
  Napi::Value health(const Napi::CallbackInfo& info);
  Napi::Value pin(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);

  template <class Work>
  Napi::Value onThread(Napi::Env env, Work work);

  // Shared with the work that is under way when JavaScript closes it.
  std::shared_ptr<bpf::Tracker> tracker_;
};

/// trackerNote(folder): the text that was pinned with the tracker.
Napi::Value trackerNote(const Napi::CallbackInfo& info);

}  // namespace fastsync
