#!/usr/bin/env bash
# Fetches what packages bring along: Node, and the C++ library it runs on, as old as glibc 2.31 allows.
# Does only what is missing. What is printed last is the folder that holds them.
#   scripts/fetch-runtime.sh
# They go to $FASTSYNC_RUNTIME, by default ~/.cache/fastsync-runtime.
set -euo pipefail
cd "$(dirname "$0")/.."
store=${FASTSYNC_RUNTIME:-${XDG_CACHE_HOME:-$HOME/.cache}/fastsync-runtime}
lock=packaging/runtime/package-lock.json

mkdir -p "$store"
exec 9>"$store/.lock"
flock 9 # two at once would fetch everything twice
if cmp -s "$lock" "$store/package-lock.json" && [ -e "$store/complete" ]; then
  echo "$store"
  exit
fi
rm -f "$store/complete"
cp packaging/runtime/package.json "$lock" "$store/"
npm ci --prefix "$store" --ignore-scripts --no-audit --no-fund --loglevel=error >&2

# GCC's C++ library of Debian 11: the newest that asks for no more than its glibc, 2.31.
work=$(mktemp -d "$store/.fetching-XXXXXX")
trap 'rm -rf "$work"' EXIT
. scripts/private-apt.sh
private_apt_update "debian bullseye main"
(cd "$work" && private_apt get download libstdc++6 libgcc-s1 gcc-10-base >&2)
for package in "$work"/*.deb; do dpkg-deb --fsys-tarfile "$package" | tar -x -C "$work"; done
mkdir -p "$store/lib"
for library in libstdc++.so.6 libgcc_s.so.1; do
  found=$(find "$work" -name "$library" -print -quit)
  cp --dereference "$found" "$store/lib/$library"
done
cp "$work/usr/share/doc/gcc-10-base/copyright" "$store/lib/copyright"
touch "$store/complete"
echo "$store"
