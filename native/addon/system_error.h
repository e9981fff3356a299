// Errors of system calls in the shape that Node gives them.
#pragma once

#include <napi.h>

namespace fastsync {

[[noreturn]] void throwSystemError(Napi::Env env, int errnum, const char* syscall);

}  // namespace fastsync
