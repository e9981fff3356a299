#!/usr/bin/env bash
# apt-get that waits for whoever has its locks, and asks a mirror that fails again.
#   scripts/patient-apt.sh WORDS...
# $FASTSYNC_APT_WAIT: for how many seconds, by default 600.
set -euo pipefail
wait=${FASTSYNC_APT_WAIT:-600}
told=$(mktemp)
trap 'rm -f "$told"' EXIT

# DPkg::Lock::Timeout is for dpkg's locks and the archives; the one of the lists, which `update` takes,
# is given up at once.
for (( ; ; )); do
  status=0
  apt-get -o DPkg::Lock::Timeout="$wait" -o Acquire::Retries=5 "$@" 2>"$told" || status=$?
  cat "$told" >&2
  [ "$status" != 0 ] || exit 0
  if [ "$SECONDS" -ge "$wait" ] || ! grep -q 'Could not get lock\|Unable to lock' "$told"; then
    echo "patient-apt: \"apt-get $*\" failed: see above" >&2
    exit "$status"
  fi
  echo "apt is busy; trying again" >&2
  sleep 2
done
