// Errors of system calls in the shape that Node gives them.
#pragma once

#include <napi.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>

namespace fastsync {

[[noreturn]] inline void throwSystemError(Napi::Env env, int errnum, const char* syscall) {
  Napi::Error error =
      Napi::Error::New(env, std::string(syscall) + ": " + std::generic_category().message(errnum));
  error.Set("errno", Napi::Number::New(env, -errnum));
  error.Set("code", Napi::String::New(env, ::strerrorname_np(errnum)));
  error.Set("syscall", Napi::String::New(env, syscall));
  throw error;
}

}  // namespace fastsync
