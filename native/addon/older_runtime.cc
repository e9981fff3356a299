// What headers of today's glibc and C++ library ask for, and older ones do not have: see
// older_runtime.h.
#include <new>

// <memory> asks glibc whether there is only one thread (2.32). There always are several.
extern "C" {
extern char __libc_single_threaded;
__attribute__((visibility("hidden"))) char __libc_single_threaded = 0;
}

namespace std {
// new T[n] with an n that cannot be (GCC 11).
__attribute__((visibility("hidden"))) void __throw_bad_array_new_length() {
  throw bad_array_new_length();
}
}  // namespace std
