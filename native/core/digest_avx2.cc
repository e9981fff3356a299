// XXH3-128 for processors with avx2; see digest_flavour.inc.
#define FASTSYNC_DIGEST_NAME digestAvx2
#include "digest_flavour.inc"
