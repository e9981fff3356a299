// XXH3-128 for processors with avx512; see digest_flavour.inc.
// The compiler's own avx512 header leaves don't-care operands unset on purpose.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#define FASTSYNC_DIGEST_NAME kDigestAvx512
#define FASTSYNC_DIGEST_LABEL "avx512"
#include "digest_flavour.inc"
