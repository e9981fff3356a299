#!/usr/bin/env bash
# Builds the engine without Node under a sanitizer, and runs all its jobs in files of a scratch folder.
#   scripts/sanitize.sh address|thread [SEED]
set -euo pipefail
cd "$(dirname "$0")/.."
case "${1:-}" in
  address) flags=(-fsanitize=address,undefined -fno-sanitize-recover=all) ;;
  thread) flags=(-fsanitize=thread) ;;
  *) echo "usage: scripts/sanitize.sh address|thread [SEED]" >&2; exit 2 ;;
esac

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# The same sources again, in whatever folder, are not compiled again where ccache is installed.
export CCACHE_NOHASHDIR=1
read -ra cache < <(command -v ccache) || true
compile=(${cache[@]+"${cache[@]}"} g++ -std=c++20 -O1 -g -Wall -Wextra -Werror -Inative/core -Inative/test "${flags[@]}")
vectors() {
  [ "$(uname -m)" = x86_64 ] || return 0
  case "$1" in
    *avx2.cc) echo -mavx2 -mbmi2 ;;
    *avx512.cc) echo -mavx512f -mbmi2 ;;
  esac
}
for source in native/core/*.cc native/test/*.cc; do
  read -ra extra < <(vectors "$source") || true
  printf '%q ' "${compile[@]}" ${extra[@]+"${extra[@]}"} -c "$source" -o "$scratch/$(basename "$source").o"
  echo
done | xargs -P "$(nproc)" -I{} bash -c '{}'
"${compile[@]}" -o "$scratch/core_test" "$scratch"/*.o -l:liburing.a -l:libcrypto.a -pthread

mkdir "$scratch/files"
# Without address randomisation: older thread sanitizers do not know today's wide one.
setarch --addr-no-randomize "$scratch/core_test" "$scratch/files" "${2:-1}"
