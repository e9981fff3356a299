// The names here are those of src/engine/native-tracker.ts; src/tracker/ validated the request.
#include "tracker_object.h"

#include <optional>
#include <string>
#include <utility>

#include "system_error.h"

namespace fastsync {

namespace {

/// Goes through the marks of a large volume on a thread of Node's pool.
class BitmapWorker : public Napi::AsyncWorker {
 public:
  BitmapWorker(Napi::Env env, std::function<DirtyExtents()> work)
      : Napi::AsyncWorker(env),
        work_(std::move(work)),
        deferred_(Napi::Promise::Deferred::New(env)) {}

  Napi::Promise promise() const { return deferred_.Promise(); }

 private:
  void Execute() override {
    dirty_ = work_();
    work_ = nullptr;  // lets go of the tracker before anybody hears that this is done
  }
  void OnOK() override {
    Napi::Float64Array list = Napi::Float64Array::New(Env(), dirty_.extents.size() * 2);
    double* number = list.Data();
    for (const Extent& extent : dirty_.extents) {
      *number++ = static_cast<double>(extent.start);
      *number++ = static_cast<double>(extent.length);
    }
    Napi::Object marked = Napi::Object::New(Env());
    marked["dirty"] = list;
    marked["joined"] = dirty_.joined;
    deferred_.Resolve(marked);
  }
  void OnError(const Napi::Error& error) override { deferred_.Reject(error.Value()); }

  std::function<DirtyExtents()> work_;
  Napi::Promise::Deferred deferred_;
  DirtyExtents dirty_;
};

uint64_t numberOf(const Napi::Object& request, const char* name) {
  return static_cast<uint64_t>(request.Get(name).As<Napi::Number>().DoubleValue());
}

std::optional<std::string> textOf(const Napi::Object& request, const char* name) {
  const Napi::Value value = request.Get(name);
  if (!value.IsString()) return std::nullopt;
  return value.As<Napi::String>().Utf8Value();
}

bpf::tracked trackedDeviceOf(const Napi::Object& request, uint64_t granularityBytes) {
  constexpr unsigned kSectorBits = 9;
  bpf::tracked device{};
  device.disk_major = static_cast<uint32_t>(numberOf(request, "diskMajor"));
  device.disk_minor = static_cast<uint32_t>(numberOf(request, "diskMinor"));
  device.start_sector = numberOf(request, "startBytes") >> kSectorBits;
  device.sector_count = numberOf(request, "sizeBytes") >> kSectorBits;
  device.mark_shift = static_cast<uint32_t>(std::countr_zero(granularityBytes)) - kSectorBits;
  device.follows_bios = request.Get("followsBios").As<Napi::Boolean>().Value() ? 1 : 0;
  return device;
}

std::shared_ptr<bpf::Tracker> trackerFor(const Napi::Object& request) {
  const BitmapScale scale{numberOf(request, "granularityBytes"), numberOf(request, "sizeBytes")};
  const auto folder = textOf(request, "folder");
  if (folder) return std::make_shared<bpf::Tracker>(*folder, scale);
  return std::make_shared<bpf::Tracker>(trackedDeviceOf(request, scale.granularityBytes), scale);
}

/// Runs what throws the kernel's errors, and throws them in Node's shape.
template <class Action>
auto withSystemErrors(Napi::Env env, Action action) {
  try {
    return action();
  } catch (const bpf::KernelError& error) {
    const std::string what = error.what();
    throwSystemError(env, error.code().value(), what.substr(0, what.find(':')).c_str());
  }
}

}  // namespace

Napi::Function TrackerObject::define(Napi::Env env) {
  return DefineClass(
      env, "Tracker",
      {InstanceMethod<&TrackerObject::take>("take"), InstanceMethod<&TrackerObject::read>("read"),
       InstanceMethod<&TrackerObject::hold>("hold"),
       InstanceMethod<&TrackerObject::clearHeld>("clearHeld"),
       InstanceMethod<&TrackerObject::health>("health"), InstanceMethod<&TrackerObject::pin>("pin"),
       InstanceMethod<&TrackerObject::close>("close")});
}

TrackerObject::TrackerObject(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<TrackerObject>(info) {
  tracker_ = withSystemErrors(info.Env(), [&] { return trackerFor(info[0].As<Napi::Object>()); });
}

template <class Work>
Napi::Value TrackerObject::onThread(Napi::Env env, Work work) {
  if (!tracker_) throw Napi::Error::New(env, "the tracker is closed");
  auto worker = std::make_unique<BitmapWorker>(
      env, [tracker = tracker_, work]() -> DirtyExtents { return work(*tracker); });
  const Napi::Promise promise = worker->promise();
  worker.release()->Queue();  // which deletes it when it is done
  return promise;
}

Napi::Value TrackerObject::take(const Napi::CallbackInfo& info) {
  return onThread(info.Env(), [](const bpf::Tracker& tracker) { return tracker.take(); });
}

Napi::Value TrackerObject::read(const Napi::CallbackInfo& info) {
  return onThread(info.Env(), [](const bpf::Tracker& tracker) { return tracker.read(); });
}

Napi::Value TrackerObject::hold(const Napi::CallbackInfo& info) {
  return onThread(info.Env(), [](const bpf::Tracker& tracker) {
    tracker.hold();
    return tracker.readHeld();
  });
}

Napi::Value TrackerObject::clearHeld(const Napi::CallbackInfo& info) {
  return onThread(info.Env(), [](const bpf::Tracker& tracker) {
    tracker.clearHeld();
    return DirtyExtents{};
  });
}

Napi::Value TrackerObject::health(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!tracker_) throw Napi::Error::New(env, "the tracker is closed");
  const bpf::Health health = withSystemErrors(env, [&] { return tracker_->health(); });
  Napi::Object object = Napi::Object::New(env);
  object["events"] = static_cast<double>(health.sum.events);
  object["unknownRanges"] = static_cast<double>(health.sum.unknown_range);
  object["inFlightTableFull"] = static_cast<double>(health.sum.in_flight_table_full);
  object["unmatchedCompletions"] = static_cast<double>(health.sum.unmatched_completions);
  object["failures"] = static_cast<double>(health.sum.failures);
  Napi::Array missed = Napi::Array::New(env, bpf::kTracepoints);
  for (uint32_t i = 0; i < bpf::kTracepoints; ++i) {
    Napi::Object one = Napi::Object::New(env);
    one["misses"] = static_cast<double>(health.misses[i]);
    one["nestingOverflows"] = static_cast<double>(health.sum.nesting_overflow[i]);
    missed[i] = one;
  }
  object["tracepoints"] = missed;
  object["memoryBytes"] = static_cast<double>(tracker_->memoryBytes());
  return object;
}

Napi::Value TrackerObject::pin(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!tracker_) throw Napi::Error::New(env, "the tracker is closed");
  const std::string folder = info[0].As<Napi::String>();
  const std::string note = info[1].As<Napi::String>();
  withSystemErrors(env, [&] { tracker_->pinIn(folder, note); });
  return env.Undefined();
}

Napi::Value TrackerObject::close(const Napi::CallbackInfo& info) {
  tracker_.reset();
  return info.Env().Undefined();
}

Napi::Value trackerNote(const Napi::CallbackInfo& info) {
  const std::string folder = info[0].As<Napi::String>();
  return Napi::String::New(info.Env(),
                           withSystemErrors(info.Env(), [&] { return bpf::readNote(folder); }));
}

}  // namespace fastsync
