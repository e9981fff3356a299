#!/usr/bin/env bash
# Fetches the systems that the packages are tried in: bare Debians, and a rescue system of glibc 2.31.
# Does only what is missing; remove a tree, and today's comes in its place.
#   scripts/fetch-trees.sh [NAME...]   default: bookworm trixie rescue
# They go to $FASTSYNC_TREES, by default ~/.cache/fastsync-trees, as NAME.tar. What is printed last is
# that folder.
set -euo pipefail
cd "$(dirname "$0")/.."
names=("$@")
[ "${#names[@]}" -gt 0 ] || names=(bookworm trixie rescue)
store=${FASTSYNC_TREES:-${XDG_CACHE_HOME:-$HOME/.cache}/fastsync-trees}
. scripts/private-apt.sh

mkdir -p "$store"
exec 9>"$store/.lock"
flock 9 # two at once would fetch everything twice
work=$(mktemp -d "$store/.fetching-XXXXXX")
trap 'rm -rf "$work"' EXIT

debian() { # release
  # What an administrator's machine has, and a package may use: manuals, completion, systemd.
  debootstrap --variant=minbase --include=man-db,bash-completion,systemd \
    "$1" "$work/$1" "$(private_apt_mirror debian)" >"$work/$1.log" 2>&1 || {
    tail -n 20 "$work/$1.log" >&2
    return 1
  }
  rm -rf "$work/$1"/var/cache/apt/archives/*.deb "$work/$1"/var/lib/apt/lists/*
}

rescue() { # one shell and one C library, as old as they may be
  local package link
  private_apt_update "debian bullseye main"
  mkdir "$work/debs"
  (cd "$work/debs" && private_apt get download libc6 busybox-static >&2)
  for package in "$work"/debs/*.deb; do dpkg-deb --fsys-tarfile "$package" | tar -x -C "$work/rescue"; done
  [ -e "$work/rescue/bin/busybox" ] || ln -s ../usr/bin/busybox "$work/rescue/bin/busybox"
  for link in sh readlink; do ln -s busybox "$work/rescue/bin/$link"; done
}

for name in "${names[@]}"; do
  [ ! -f "$store/$name.tar" ] || continue
  echo "fetching the tree $name" >&2
  mkdir "$work/$name"
  case $name in
    rescue) rescue ;;
    *) debian "$name" ;;
  esac
  tar -C "$work/$name" --numeric-owner --xattrs -cf "$work/$name.tar" .
  mv "$work/$name.tar" "$store/$name.tar"
  rm -rf "${work:?}/$name"
done
echo "$store"
