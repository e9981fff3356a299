// Knows the kinds of job by name; what they do is core/'s business.
#include "job_object.h"

#include <string>

#include "from_js.h"
#include "job_thread.h"
#include "to_js.h"

namespace fastsync {

namespace {

/// std::function must be copyable and a spec owns files, hence the shared pointer.
template <class JobType, class Spec>
JobBody bodyOf(Spec spec, Counters& counters) {
  if constexpr (requires { spec.startAtBytes; }) counters.startAt(spec.startAtBytes);
  return [shared = std::make_shared<Spec>(std::move(spec))](JobControl& control) {
    return JobType(std::move(*shared), control).run();
  };
}

JobBody bodyFor(Napi::Env env, const std::string& kind, const Napi::Object& request,
                Counters& counters) {
  if (kind == "copy") return bodyOf<CopyJob>(copySpecFrom(request), counters);
  if (kind == "compare") return bodyOf<CompareJob>(compareSpecFrom(request), counters);
  if (kind == "clear") return bodyOf<ClearJob>(clearSpecFrom(request), counters);
  if (kind == "serve") return bodyOf<PeerServer>(serveSpecFrom(request), counters);
  if (kind == "digest") return bodyOf<DigestJob>(digestSpecFrom(request), counters);
  throw Napi::TypeError::New(env, "unknown kind of job: " + kind);
}

/// How many of its descriptors are written to, or compared.
size_t targetsOf(const Napi::Object& request) {
  const Napi::Value list = request.Get("targets");
  return list.IsArray() ? list.As<Napi::Array>().Length() : 1;
}

}  // namespace

Napi::Function JobObject::define(Napi::Env env) {
  return DefineClass(
      env, "Job",
      {InstanceMethod<&JobObject::progress>("progress"),
       InstanceMethod<&JobObject::requests>("requests"),
       InstanceMethod<&JobObject::cancel>("cancel"), InstanceAccessor<&JobObject::done>("done")});
}

JobObject::JobObject(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<JobObject>(info),
      control_(std::make_shared<JobControl>(targetsOf(info[1].As<Napi::Object>()))) {
  const std::string kind = info[0].As<Napi::String>();
  JobBody body = bodyFor(info.Env(), kind, info[1].As<Napi::Object>(), control_->counters);
  promise_ = Napi::Persistent(startJob(info.Env(), std::move(body), control_).As<Napi::Object>());
}

Napi::Value JobObject::progress(const Napi::CallbackInfo& info) {
  return progressToJs(info.Env(), control_->counters);
}

Napi::Value JobObject::requests(const Napi::CallbackInfo& info) {
  return requestsToJs(info.Env(), *control_);
}

Napi::Value JobObject::cancel(const Napi::CallbackInfo& info) {
  Stop running = Stop::kNo;
  control_->stop.compare_exchange_strong(running, Stop::kCancel);
  return info.Env().Undefined();
}

Napi::Value JobObject::done(const Napi::CallbackInfo&) { return promise_.Value(); }

}  // namespace fastsync
