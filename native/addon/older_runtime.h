// Lets an addon that is built on today's Debian run with glibc 2.31 and the C++ library of GCC 10:
// it asks for the versions of functions that those have. Included before each file, and by none.
// test/packaging/ looks at what the addon asks for.
#pragma once

// Moved from libpthread to libc, and so to new versions, in glibc 2.32 and 2.34.
__asm__(".symver pthread_sigmask, pthread_sigmask@GLIBC_2.2.5");
__asm__(".symver pthread_cond_clockwait, pthread_cond_clockwait@GLIBC_2.30");
// std::condition_variable::wait(), which GCC 12 gave a second version.
__asm__(
    ".symver _ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE, "
    "_ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE@GLIBCXX_3.4.11");
