#!/usr/bin/env bash
# Runs the whole test suite, or the test files named as arguments, and ends with "N passed, N failed".
set -uo pipefail
cd "$(dirname "$0")/.."

# Loop devices and mounts need root.
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo -E env "PATH=$PATH")

log=$(mktemp)
trap 'rm -f "$log"' EXIT
if [ -t 1 ]; then tap=(); else tap=(--tap); fi
"${as_root[@]}" npx --no-install ava "${tap[@]}" "$@" 2>&1 | tee "$log"
status=${PIPESTATUS[0]}

# The count comes from the runner's own closing lines, in either of its two formats.
count() {
  local found
  found=$(sed -nE -e "s/^# $1 ([0-9]+)\$/\1/p" -e "s/^ *([0-9]+) tests? $2.*\$/\1/p" "$log" | tail -n 1)
  echo "${found:-0}"
}
passed=$(count pass passed)
failed=$(count fail failed)
[ "$passed" -gt 0 ] || status=1
[ "$status" = 0 ] || [ "$failed" -gt 0 ] || failed=1
echo "$passed passed, $failed failed"
exit "$status"
