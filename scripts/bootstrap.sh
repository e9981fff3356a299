#!/usr/bin/env bash
# Makes a bare clone ready: Debian packages, npm packages, the build. Does only what is missing.
#   scripts/bootstrap.sh [run|demo|package|bench|kernel]   `run` (the default) is what the tests need, bench
#                                             and kernel are more; demo and package are what these need
set -euo pipefail
cd "$(dirname "$0")/.."

build=(g++ make python3 pkg-config liburing-dev libxxhash-dev libssl-dev libbpf-dev)
volumes=(e2fsprogs xfsprogs ntfs-3g fdisk mount util-linux rsync openssl)
demo=(partclone)
more_volumes=(btrfs-progs dosfstools gdisk attr)
oracles=(partclone qemu-utils nbdkit nbdkit-plugin-dev libfuse3-dev libnbd-bin bmap-tools gddrescue sleuthkit
  xxhash zstd clang-format clang llvm bpftool python3-prometheus-client)
# What writes while a volume is copied.
loads=(fio sqlite3 psmisc openssh-server openssh-client)
# The tests look at the pages of reports and manuals, and type into shells.
readers=(chromium mandoc man-db bash-completion zsh)
signatures=(exfatprogs f2fs-tools jfsutils reiserfsprogs nilfs-tools erofs-utils squashfs-tools xorriso
  udftools mdadm cryptsetup-bin lvm2 bcache-tools drbd-utils)
peers=(time xfsdump)
# Kernels are fetched and booted.
guests=(debian-archive-keyring dpkg xz-utils zstd kmod busybox-static qemu-system-x86 dmsetup sg3-utils nvme-cli)
# Packages are made, and installed in bare systems.
packaging=(debian-archive-keyring dpkg dpkg-dev xz-utils patchelf binutils lintian debootstrap)

case "${1:-run}" in
  demo) wanted=("${build[@]}" "${volumes[@]}" "${demo[@]}") ;;
  package) wanted=("${build[@]}" "${packaging[@]}" e2fsprogs) ;;
  *)
    wanted=("${build[@]}" "${volumes[@]}" "${more_volumes[@]}" "${oracles[@]}" "${loads[@]}" "${readers[@]}"
      "${signatures[@]}")
    ;;
esac
case "${1:-run}" in
  bench) wanted+=("${peers[@]}") ;;
  kernel) wanted+=("${guests[@]}") ;;
esac

missing=()
for package in "${wanted[@]}"; do
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
if [ "${#missing[@]}" -gt 0 ]; then
  as_root=()
  if [ "$(id -u)" != 0 ]; then
    if ! sudo -n true 2>/dev/null; then
      echo "fastsync needs Debian packages that are not installed. Install them with:" >&2
      echo "  sudo apt-get install -y ${missing[*]}" >&2
      exit 2
    fi
    as_root=(sudo -n)
  fi
  echo "installing Debian packages: ${missing[*]}" >&2
  # Whoever has apt now, unattended upgrades say, comes to an end; a mirror that fails is asked again.
  for words in "update -qq" "install -y -qq --no-install-recommends ${missing[*]}"; do
    # Unquoted: words.
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive bash scripts/patient-apt.sh $words >&2
  done
fi

node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' || {
  echo "fastsync needs Node 20.19 or newer, found $(node --version). Install a newer one and run this again." >&2
  exit 2
}

# The lock file that npm installed from is kept inside node_modules, so a changed one is noticed.
if ! cmp -s package-lock.json node_modules/.installed-lock.json; then
  npm ci --include=dev --ignore-scripts --no-audit --no-fund --loglevel=error >&2
  cp package-lock.json node_modules/.installed-lock.json
fi
npm run --silent build >&2
