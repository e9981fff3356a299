#!/usr/bin/env bash
# Shows on real volumes what fastsync does: seeds ext4, XFS and NTFS, crashed and mounted ones too, and proves each copy.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "$(id -u)" != 0 ]; then exec sudo -E env "PATH=$PATH" bash scripts/demo.sh; fi

fastsync() { node dist/program/fastsync.mjs "$@"; }
fastverify() { node dist/program/fastverify.mjs "$@"; }
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

fill() { # directory
  cp -a /usr/share/doc "$1/" 2>/dev/null || cp -a docs "$1/"
  head -c 96M /dev/urandom >"$1/database"
  ln "$1/database" "$1/hardlink"
}
mount_options() { # file-system: what a mount of a copy beside its original needs
  case $1 in xfs) echo '-o nouuid' ;; ntfs) echo '-t ntfs-3g' ;; *) echo '-t ext4' ;; esac
}
seed_and_prove() { # file-system "mkfs command" "fsck command"
  local fs=$1 mkfs=$2 fsck=$3 source target options
  options=$(mount_options "$fs")
  say "$fs: a 1 GiB volume with files on it, and a target full of garbage"
  truncate -s 1G "$work/$fs.source"
  loop_on source "$work/$fs.source"
  run $mkfs "$source"
  mount $options "$source" "$work/a"
  fill "$work/a"
  umount "$work/a"
  garbage "$work/$fs.target" 1024
  loop_on target "$work/$fs.target"
  [ "$fs" != ext4 ] || run fastsync map "$source"
  run fastsync init --src "$source" --dst "$target" --verify --yes
  run fastverify --src "$source" --dst "$target"
  expect "$fsck finds nothing to repair on the target" $fsck "$target"
  mount $options -o ro "$source" "$work/a"
  mount $options -o ro "$target" "$work/b"
  expect 'rsync -c finds no difference between the two trees' same_trees
  umount "$work/a" "$work/b"
}
seed_and_prove ext4 'mkfs.ext4 -q' 'e2fsck -fn'
seed_and_prove xfs 'mkfs.xfs -q' 'xfs_repair -n'
seed_and_prove ntfs 'mkntfs -q -f -F' 'ntfsfix -n'

say 'One byte of a superblock is overwritten; the two mounts have written to their logs: all found, named, repaired'
source=$(losetup -j "$work/xfs.source" -n -O NAME) target=$(losetup -j "$work/xfs.target" -n -O NAME)
printf 'x' | dd of="$target" bs=1 seek=200 conv=notrunc,fsync status=none
run fastverify --src "$source" --dst "$target" && exit 1 || expect 'the exit code is 1: different' [ $? = 1 ]
run fastverify --src "$source" --dst "$target" --repair
expect 'xfs_repair -n finds nothing to repair on the replica' xfs_repair -n "$target"

write_files() { # directory log: small files, each fsynced; then its moment, digest and name are logged
  local number=0
  while [ ! -e "$work/enough" ]; do
    number=$((number + 1))
    head -c 30000 /dev/urandom >"$1/live-$number"
    sync "$1/live-$number"
    echo "$(date +%s%N) $(sha256sum <"$1/live-$number" | cut -d' ' -f1) live-$number" >>"$2"
  done
}
fsynced_before() { # moment-in-nanoseconds log directory: every file that was fsynced by then is there, whole
  local at digest name checked=0
  while read -r at digest name; do
    [ "$at" -le "$1" ] || continue
    [ "$(sha256sum <"$3/$name" | cut -d' ' -f1)" = "$digest" ] || { echo "$name is lost"; return 1; }
    checked=$((checked + 1))
  done <"$2"
  echo "$checked files" >"$work/checked"
  [ "$checked" -gt 0 ]
}
say 'ext4 again, mounted and being written: seeded without unmounting it'
source=$(losetup -j "$work/ext4.source" -n -O NAME) target=$(losetup -j "$work/ext4.target" -n -O NAME)
mount -t ext4 "$source" "$work/a"
write_files "$work/a" "$work/fsyncs" &
writer=$!
sleep 2
run fastsync init --src "$source" --dst "$target" --online --yes | tee "$work/online.log"
touch "$work/enough"
wait "$writer"
umount "$work/a"
moment=$(date -d "$(sed -n 's/^consistent at: *//p' "$work/online.log")" +%s%N)
expect 'e2fsck -fn finds nothing to repair on the target' e2fsck -fn "$target"
mount -t ext4 -o ro "$target" "$work/b"
expect 'every file that was fsynced before that moment is on it, with its content' \
  fsynced_before "$moment" "$work/fsyncs" "$work/b"
echo "  ($(cat "$work/checked"), of $(wc -l <"$work/fsyncs") written in all)"
umount "$work/b"

survives() { # image file-system: does the fsynced file come back whole?
  local after
  mount -o loop $(mount_options "$2") "$1" "$work/b" 2>/dev/null || { echo 'it does not even mount'; return 1; }
  after=$(sha256sum <"$work/b/precious" 2>/dev/null || echo 'the file is gone')
  umount "$work/b"
  [ "$after" = "$before" ] || { echo "${after%% *}"; return 1; }
}
verdict() { # name exit-code image file-system
  if survives "$3" "$4" >"$work/verdict.log"; then
    printf '  %-10s exit %s, the fsynced file is intact\n' "$1" "$2"
  else
    printf '  %-10s exit %s, the fsynced file is \033[31mLOST\033[0m (%s)\n' "$1" "$2" "$(tail -n 1 "$work/verdict.log")"
  fi
}
quietly() { # command...: only its exit code
  "$@" >/dev/null 2>&1 && code=0 || code=$?
}
crash() { # file-system fsck command...: a file is written and fsynced, then the power goes
  local fs=$1 source tool
  shift
  say "$fs: a file is written and fsynced, then the power goes"
  losetup -j "$work/$fs.source" | cut -d: -f1 | xargs -r -n 1 losetup -d
  loop_on source "$work/$fs.source"
  mount $(mount_options "$fs") "$source" "$work/a"
  head -c 8M /dev/urandom >"$work/a/precious"
  sync "$work/a/precious"
  before=$(sha256sum <"$work/a/precious")
  # What a crash leaves: the backing file as it is, while the file system is mounted and half in memory.
  cp --sparse=always "$work/$fs.source" "$work/crashed.img"
  umount "$work/a"
  echo "  precious: ${before%% *}"
  for tool in partclone e2image fastsync; do garbage "$work/$tool.img" 1024; done
  quietly "partclone.${fs/ext4/extfs}" -b -q -L "$work/log" -s "$work/crashed.img" -O "$work/partclone.img"
  verdict partclone "$code" "$work/partclone.img" "$fs"
  if [ "$fs" = ext4 ]; then
    quietly e2image -ra "$work/crashed.img" "$work/e2image.img"
    verdict e2image "$code" "$work/e2image.img" "$fs"
  fi
  run fastsync init --src "$work/crashed.img" --dst "$work/fastsync.img" --yes
  verdict fastsync 0 "$work/fastsync.img" "$fs"
  expect 'the fsynced file on the seeded volume is intact' survives "$work/fastsync.img" "$fs"
  expect "$* finds nothing to repair once the log is replayed" "$@" "$work/fastsync.img"
}
crash ext4 e2fsck -fn
crash xfs xfs_repair -n

say 'Done. Next: docs/commands.md, docs/architecture.md, and fastsync --help'
