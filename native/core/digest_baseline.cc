// XXH3-128 for every processor; see digest_flavour.inc.
#define FASTSYNC_DIGEST_NAME digestBaseline
#include "digest_flavour.inc"
