// In a file of its own because <uv.h> and the kernel's types of the tracker cannot be included
// together.
#include "system_error.h"

#include <uv.h>

#include <string>
#include <system_error>

namespace fastsync {

void throwSystemError(Napi::Env env, int errnum, const char* syscall) {
  Napi::Error error =
      Napi::Error::New(env, std::string(syscall) + ": " + std::generic_category().message(errnum));
  char code[32];
  error.Set("errno", Napi::Number::New(env, -errnum));
  error.Set("code", Napi::String::New(env, ::uv_err_name_r(-errnum, code, sizeof(code))));
  error.Set("syscall", Napi::String::New(env, syscall));
  throw error;
}

}  // namespace fastsync
