#!/usr/bin/env bash
# Fetches the Debian kernels that the kernel tests boot, and unpacks them without installing anything.
# Does only what is missing; remove a kernel's folder, and its line's newest comes in its place.
#   scripts/fetch-kernels.sh [LINE...]   default: 6.1 6.12 7.2
# They go to $FASTSYNC_KERNELS, by default ~/.cache/fastsync-kernels: LINE/vmlinux, LINE/version and
# LINE/lib/modules. What is printed last is that folder.
set -euo pipefail
cd "$(dirname "$0")/.."
lines=("$@")
[ "${#lines[@]}" -gt 0 ] || lines=(6.1 6.12 7.2)
store=${FASTSYNC_KERNELS:-${XDG_CACHE_HOME:-$HOME/.cache}/fastsync-kernels}
. scripts/private-apt.sh

die() {
  echo "fetch-kernels: $*" >&2
  exit 1
}

mkdir -p "$store"
exec 9>"$store/.lock"
flock 9 # two at once would fetch everything twice
work=$(mktemp -d "$store/.fetching-XXXXXX")
trap 'rm -rf "$work"' EXIT

missing=()
for line in "${lines[@]}"; do
  [[ $line =~ ^[0-9]+\.[0-9]+$ ]] || die "expected a line of kernels, such as 6.12, got $line"
  [ -f "$store/$line/version" ] || missing+=("$line")
done

# The kernel's image, and what of it newer ones have in packages of their own.
packages_of() { # line
  local image
  image=$(private_apt cache pkgnames "linux-image-$1." | grep -E "^linux-image-[0-9.]+([-+][a-z0-9.]+)?-amd64\$" |
    sort --version-sort | tail -n 1) || die "the mirror has no kernel of the line $1 in bookworm and trixie"
  echo "$image"
  private_apt cache depends "$image" | sed -nE 's/^ *Depends: (linux-(base|binary|modules)-[0-9].*)$/\1/p'
}

# A bzImage (Documentation/arch/x86/boot.rst) holds the kernel compressed; QEMU boots it faster without.
unpack_image() { # bzImage
  local sectors offset length start
  number() { od --address-radix=n --format="u$2" --skip-bytes="$1" --read-bytes="$2" "$image" | tr -d ' '; }
  local image=$1
  sectors=$(number 0x1f1 1) offset=$(number 0x248 4) length=$(number 0x24c 4)
  start=$(((sectors + 1) * 512 + offset))
  # The last four bytes are the size of the unpacked kernel, which is no part of the stream.
  payload() { dd if="$image" iflag=skip_bytes,count_bytes skip="$start" count="$((length - 4))" bs=1M status=none; }
  case $(od --address-radix=n --format=x1 --skip-bytes="$start" --read-bytes=4 "$image" | tr -d ' ') in
    fd377a58) payload | xz -dc ;;
    28b52ffd) payload | zstd -dc ;;
    *) die "$image is compressed in a way that is not known here" ;;
  esac
}

fetch() { # line
  local line=$1 packages package version tree="$work/$1"
  packages=$(packages_of "$line")
  echo "fetching ${packages%%$'\n'*}" >&2
  mkdir -p "$tree/debs" "$tree/kernel/lib"
  # Unquoted: a list of names.
  (cd "$tree/debs" && private_apt get download $packages >&2) || die "a package of the kernel $line cannot be fetched"
  for package in "$tree"/debs/*.deb; do
    # No guest has such hardware, and it is most of the room.
    dpkg-deb --fsys-tarfile "$package" | tar -x -C "$tree" --exclude='*/kernel/sound' \
      --exclude='*/kernel/drivers/gpu' --exclude='*/kernel/drivers/media' --exclude='*/kernel/drivers/net'
  done
  mv "$tree"/lib/modules "$tree/kernel/lib/" 2>/dev/null || mv "$tree"/usr/lib/modules "$tree/kernel/lib/"
  version=$(basename "$tree"/kernel/lib/modules/*)
  local image="$tree/boot/vmlinuz-$version"
  [ -f "$image" ] || image="$tree/kernel/lib/modules/$version/vmlinuz"
  unpack_image "$image" >"$tree/kernel/vmlinux"
  PATH=$PATH:/usr/sbin:/sbin depmod --basedir "$tree/kernel" "$version"
  echo "$version" >"$tree/kernel/version"
  # Whoever finds a folder finds all of it.
  rm -rf "${store:?}/$line"
  mv "$tree/kernel" "$store/$line"
  rm -rf "$tree"
}

if [ "${#missing[@]}" -gt 0 ]; then
  sources=()
  for release in bookworm trixie; do
    sources+=("debian $release main" "debian $release-backports main" "debian-security $release-security main")
  done
  private_apt_update "${sources[@]}"
  for line in "${missing[@]}"; do fetch "$line"; done
fi
echo "$store"
