#!/usr/bin/env bash
# Builds the write tracker's program for the kernel into the header that the addon is built with. The
# header is committed, so that building and running fastsync needs no clang; the same clang and
# bpftool give the same bytes.
#   scripts/build-bpf.sh [OUTPUT]   default: native/bpf/tracker.lskel.inc
set -euo pipefail
cd "$(dirname "$0")/../native/bpf"
output=${1:-tracker.lskel.inc}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# The object's BTF names sources as they are given here: no path of this machine.
clang -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -Wno-unused-parameter \
  -fdebug-prefix-map="$PWD"=. -c tracker.bpf.c -o "$scratch/tracker.bpf.o"
# DWARF goes, BTF stays: by it the kernel finds its structures' members when the program is loaded.
llvm-strip --strip-debug "$scratch/tracker.bpf.o"
# A light skeleton: the kernel itself relocates the program, so no libbpf and no libelf are needed.
bpftool gen skeleton -L "$scratch/tracker.bpf.o" name tracker >"$scratch/tracker.lskel.inc"
cp "$scratch/tracker.lskel.inc" "$output"
