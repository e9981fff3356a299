#!/usr/bin/env bash
# Builds fastsync.node and fastsync-freezer in native/build/Release, when a source is newer. Downloads
# nothing.
#   scripts/build-native.sh [--package]   `--package` also puts them where the npm package carries it
set -euo pipefail
cd "$(dirname "$0")/.."
addon=native/build/Release/fastsync.node
freezer=native/build/Release/fastsync-freezer

newer() {
  find native/core native/addon native/bpf native/freezer native/binding.gyp scripts/build-native.sh \
    package-lock.json -newer "$addon" -print -quit
}
built_for=native/build/node-version
if [ ! -f "$addon" ] || [ ! -f "$freezer" ] ||
  [ "$(cat "$built_for" 2>/dev/null)" != "$(node --version)" ] || [ -n "$(newer)" ]; then
  # The headers of the very node that runs; without them node-gyp would want the network.
  prefix=$(node -p 'require("path").resolve(process.execPath, "../..")')
  headers=()
  [ -f "$prefix/include/node/node.h" ] && headers=(--nodedir="$prefix")
  npx --no-install node-gyp rebuild -C native --jobs max --loglevel=warn "${headers[@]}"
  node --version >"$built_for"
fi

if [ "${1:-}" = --package ]; then
  place=native/prebuilds/linux-$(node -p process.arch)
  mkdir -p "$place"
  strip -o "$place/fastsync.node" "$addon"
  strip -o "$place/fastsync-freezer" "$freezer"
  echo "$place"
fi
