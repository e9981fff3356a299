#!/usr/bin/env bash
# Shows on real volumes what fastsync does: seeds a clean and a crashed ext4 volume and proves both.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "$(id -u)" != 0 ]; then exec sudo -E env "PATH=$PATH" bash scripts/demo.sh; fi

fastsync() { node dist/bin/fastsync.js "$@"; }
work=$(mktemp -d -t fastsync-demo-XXXXXX)
loops=()
cleanup() {
  mountpoint -q "$work/a" && umount "$work/a"
  mountpoint -q "$work/b" && umount "$work/b"
  for loop in "${loops[@]}"; do losetup -d "$loop" 2>/dev/null || true; done
  rm -rf "$work"
}
trap cleanup EXIT
mkdir "$work/a" "$work/b"

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
run() { printf '$ %s\n' "$*"; "$@"; }
loop_on() { # variable file: a direct-I/O loop device, so that nothing lies in a cache
  local device
  device=$(losetup --find --show --direct-io=on "$2")
  loops+=("$device")
  printf -v "$1" %s "$device"
}
garbage() { # file megabytes: bytes that are nobody's data, the same every time
  openssl enc -aes-128-ctr -nosalt -K 2a -iv 0 </dev/zero 2>/dev/null | head -c "$2M" >"$1" || true
}
expect() { # description command...: says whether it holds, and ends the demo if not
  local what=$1
  shift
  if "$@" >"$work/expect.log" 2>&1; then
    printf '  \033[32mproven\033[0m  %s\n' "$what"
  else
    printf '  \033[31mFAILED\033[0m  %s\n' "$what"
    cat "$work/expect.log"
    exit 1
  fi
}
same_trees() { # both mounted: contents, modes, owners, times, xattrs, hard links
  local differences
  differences=$(rsync -aHAXnci --modify-window=-1 --numeric-ids --delete "$work/a/" "$work/b/")
  [ -z "$differences" ] || { echo "$differences"; return 1; }
}

say 'A 1 GiB ext4 volume with files on it, and a target full of garbage'
truncate -s 1G "$work/source.img"
run mkfs.ext4 -q -F "$work/source.img"
loop_on source "$work/source.img"
mount "$source" "$work/a"
cp -a /usr/share/doc "$work/a/" 2>/dev/null || cp -a docs "$work/a/"
head -c 96M /dev/urandom >"$work/a/database"
ln "$work/a/database" "$work/a/hardlink"
umount "$work/a"
garbage "$work/target.img" 1024
loop_on target "$work/target.img"

say 'What is in use, and why'
run fastsync map "$source"

say 'Seed the target: one command, only what is in use'
run fastsync init --src "$source" --dst "$target" --verify --yes

say 'Is it right?'
expect 'e2fsck finds nothing to repair on the target' e2fsck -fn "$target"
mount -o ro "$source" "$work/a"
mount -o ro "$target" "$work/b"
expect 'rsync -c finds no difference between the two trees' same_trees
umount "$work/a" "$work/b"

say 'A crash: a file is written and fsynced, then the power goes'
mount "$source" "$work/a"
head -c 8M /dev/urandom >"$work/a/precious"
sync "$work/a/precious"
before=$(sha256sum <"$work/a/precious")
cp --sparse=always "$work/source.img" "$work/crashed.img"
umount "$work/a"
echo "  precious: ${before%% *}"

survives() { # image: does the fsynced file come back whole?
  local after
  mount -o loop "$1" "$work/b" 2>/dev/null || { echo 'does not even mount'; return 1; }
  after=$(sha256sum <"$work/b/precious" 2>/dev/null || echo 'gone')
  umount "$work/b"
  [ "$after" = "$before" ] || { echo "${after%% *}"; return 1; }
}
verdict() { # name exit-code image
  if survives "$3" >"$work/verdict.log"; then
    printf '  %-10s exit %s, the fsynced file is intact\n' "$1" "$2"
  else
    printf '  %-10s exit %s, the fsynced file is \033[31mLOST\033[0m: %s\n' "$1" "$2" "$(tail -n 1 "$work/verdict.log")"
  fi
}
say 'Three tools copy the crashed volume onto garbage'
for tool in partclone e2image fastsync; do garbage "$work/$tool.img" 1024; done
partclone.extfs -b -q -L "$work/partclone.log" -s "$work/crashed.img" -O "$work/partclone.img" >/dev/null 2>&1 && code=0 || code=$?
verdict partclone "$code" "$work/partclone.img"
e2image -ra "$work/crashed.img" "$work/e2image.img" >/dev/null 2>&1 && code=0 || code=$?
verdict e2image "$code" "$work/e2image.img"
run fastsync init --src "$work/crashed.img" --dst "$work/fastsync.img" --yes && code=0 || code=$?
verdict fastsync "$code" "$work/fastsync.img"
[ "$code" = 0 ] || exit 1
expect 'the fsynced file on the seeded volume is intact' survives "$work/fastsync.img"
expect 'e2fsck finds nothing to repair once the journal is replayed' e2fsck -fn "$work/fastsync.img"

say 'Done. Next: docs/architecture.md, and fastsync --help'
