// XXH3-128 for processors with avx2; see digest_flavour.inc.
#define FASTSYNC_DIGEST_NAME kDigestAvx2
#define FASTSYNC_DIGEST_LABEL "avx2"
#include "digest_flavour.inc"
