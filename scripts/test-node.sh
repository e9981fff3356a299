#!/usr/bin/env bash
# Runs command-line tests on the other versions of Node that are supported, and ends with
# "N passed, N failed".
#   scripts/test-node.sh [all] [VERSION...]   a sample of the tests, or all; default: 22 24
set -uo pipefail
cd "$(dirname "$0")/.."
files=(dist/test/cli/{crash,exit-codes,map,verify}.test.js)
if [ "${1:-}" = all ]; then
  files=(dist/test/cli/*.test.js)
  shift
fi
versions=("$@")
[ "${#versions[@]}" -gt 0 ] || versions=(22 24)
runtime=$(bash scripts/fetch-runtime.sh) || exit 1
runtime=$(tail -n 1 <<<"$runtime")

passed=0 failed=0 status=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for version in "${versions[@]}"; do
  node=$runtime/node_modules/node-$version/bin
  [ -x "$node/node" ] || { echo "test-node: there is no Node $version in $runtime" >&2; exit 2; }
  echo "# Node $("$node/node" --version)"
  PATH=$node:$PATH bash scripts/test.sh "${files[@]}" 2>&1 | tee "$log" | sed -uE "s/^[0-9]+ passed, [0-9]+ failed\$/Node $version: &/"
  [ "${PIPESTATUS[0]}" = 0 ] || status=1
  counts=$(sed -nE 's/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p' "$log" | tail -n 1)
  passed=$((passed + ${counts% *})) failed=$((failed + ${counts#* }))
done
echo "$passed passed, $failed failed"
exit "$status"
