#include "streams.h"

#include <sys/socket.h>

#include <cerrno>

#include "from_js.h"
#include "system_error.h"

namespace fastsync {

Napi::Value socketPair(const Napi::CallbackInfo& info) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    throwSystemError(info.Env(), errno, "socketpair");
  Napi::Array pair = Napi::Array::New(info.Env(), 2);
  pair.Set(0U, ends[0]);
  pair.Set(1U, ends[1]);
  return pair;
}

Napi::Value duplicateDescriptor(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), duplicateFd(info[0]).release());
}

}  // namespace fastsync
