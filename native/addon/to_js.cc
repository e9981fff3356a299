// The names here are those of src/engine/types.ts.
#include "to_js.h"

#include <algorithm>

namespace fastsync {

namespace {

Napi::Value extentsToJs(Napi::Env env, const std::vector<Extent>& extents) {
  Napi::Float64Array list = Napi::Float64Array::New(env, extents.size() * 2);
  for (size_t i = 0; i < extents.size(); ++i) {
    list[2 * i] = static_cast<double>(extents[i].start);
    list[2 * i + 1] = static_cast<double>(extents[i].length);
  }
  return list;
}

}  // namespace

Napi::Value failureToJs(Napi::Env env, const MaybeFailure& failure) {
  if (!failure) return env.Null();
  Napi::Object object = Napi::Object::New(env);
  object["errno"] = failure->errnum;
  object["syscall"] = failure->syscall;
  if (failure->side == kSource) {
    object["side"] = "source";
  } else {
    object["side"] = failure->side;
  }
  object["offsetBytes"] = static_cast<double>(failure->offset);
  object["lengthBytes"] = static_cast<double>(failure->length);
  return object;
}

Napi::Object progressToJs(Napi::Env env, const Counters& counters) {
  Napi::Object object = Napi::Object::New(env);
  const auto put = [&](const char* name, const std::atomic<uint64_t>& counter) {
    object[name] = static_cast<double>(counter.load());
  };
  // Durable first: what a snapshot calls durable is never more than its other numbers allow, and
  // a target given up before that point is counted.
  put("durableBytes", counters.durable);
  put("completedBytes", counters.completed);
  put("totalBytes", counters.total);
  put("readBytes", counters.read);
  put("writtenBytes", counters.written);
  put("zeroBytes", counters.zero);
  put("identicalBytes", counters.identical);
  put("verifiedBytes", counters.verified);
  put("badBytes", counters.bad);
  put("differentBytes", counters.different);
  put("failedTargets", counters.failedTargets);
  return object;
}

Napi::Array requestsToJs(Napi::Env env, const JobControl& control) {
  Napi::Array sides = Napi::Array::New(env, control.requests.size());
  for (uint32_t i = 0; i < control.requests.size(); ++i) {
    const Requests& requests = control.requests[i];
    Napi::Object object = Napi::Object::New(env);
    object["submitted"] = static_cast<double>(requests.submitted.load());
    object["completed"] = static_cast<double>(requests.completed.load());
    sides.Set(i, object);
  }
  return sides;
}

Napi::Object outcomeToJs(Napi::Env env, const JobOutcome& outcome, const JobControl& control) {
  Napi::Object object = Napi::Object::New(env);
  object["progress"] = progressToJs(env, control.counters);
  object["backend"] = outcome.backend;
  object["cancelled"] = outcome.cancelled;
  object["failure"] = failureToJs(env, outcome.failure);
  Napi::Array failures = Napi::Array::New(env, outcome.targetFailures.size());
  for (uint32_t i = 0; i < outcome.targetFailures.size(); ++i)
    failures.Set(i, failureToJs(env, outcome.targetFailures[i]));
  object["targetFailures"] = failures;
  Napi::Array links = Napi::Array::New(env, outcome.linkFailures.size());
  for (uint32_t i = 0; i < outcome.linkFailures.size(); ++i)
    links.Set(i, failureToJs(env, outcome.linkFailures[i]));
  object["linkFailures"] = links;
  object["badRanges"] = extentsToJs(env, outcome.badRanges);
  object["differentRanges"] = extentsToJs(env, outcome.differentRanges);
  Napi::Float64Array cells = Napi::Float64Array::New(env, outcome.cells.size());
  std::copy(outcome.cells.begin(), outcome.cells.end(), cells.Data());
  object["cells"] = cells;
  Napi::Uint8Array digests = Napi::Uint8Array::New(env, outcome.digests.size());
  std::copy(outcome.digests.begin(), outcome.digests.end(), digests.Data());
  object["digests"] = digests;
  return object;
}

}  // namespace fastsync
