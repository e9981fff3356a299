// XXH3-128 for every processor; see digest_flavour.inc.
#define FASTSYNC_DIGEST_NAME kDigestBaseline
#define FASTSYNC_DIGEST_LABEL "baseline"
#include "digest_flavour.inc"
