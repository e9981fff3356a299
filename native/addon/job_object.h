// The JavaScript face of a job: new Job(kind, request) starts it on a thread of its own.
#pragma once

#include <napi.h>

#include <memory>

#include "types.h"

namespace fastsync {

class JobObject : public Napi::ObjectWrap<JobObject> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit JobObject(const Napi::CallbackInfo& info);

 private:
  Napi::Value progress(const Napi::CallbackInfo& info);
  Napi::Value requests(const Napi::CallbackInfo& info);
  Napi::Value cancel(const Napi::CallbackInfo& info);
  Napi::Value done(const Napi::CallbackInfo& info);

  std::shared_ptr<JobControl> control_;
  Napi::ObjectReference promise_;
};

}  // namespace fastsync
