#!/usr/bin/env bash
# Runs the whole test suite, or the test files named as arguments, and ends with "N passed, N failed".
set -uo pipefail
cd "$(dirname "$0")/.."

# Loop devices and mounts need root.
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo -E env "PATH=$PATH")

log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Not ava's TAP reporter: it crashes when a test hangs or ends its process, and so does not say which.
"${as_root[@]}" npx --no-install ava "$@" 2>&1 | tee "$log"
status=${PIPESTATUS[0]}

# A line of the runner for each test that passed; how many failed is its last line.
passed=$(grep -cE '^ +(✔|√) ' "$log")
failed=$(sed -nE 's/^ *([0-9]+) tests? failed.*$/\1/p' "$log" | tail -n 1)
failed=${failed:-0}
[ "$passed" -gt 0 ] || status=1
[ "$status" = 0 ] || [ "$failed" -gt 0 ] || failed=1
echo "$passed passed, $failed failed"
exit "$status"
