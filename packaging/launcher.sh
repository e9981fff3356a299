#!/bin/sh
# Starts the program of this name with the Node that lies beside it, wherever the two were unpacked.
# With fewer descriptors Node cannot open a program, and ends with 1, which means "different" here.
if [ "$(ulimit -n)" != unlimited ] && [ "$(ulimit -n)" -lt 32 ]; then
  echo "error: too few files may be open ($(ulimit -n)). Allow more with ulimit -n." >&2
  exit 3
fi
self=$(readlink -f -- "$0")
home=${self%/bin/*}/lib/fastsync
exec "$home/node" "$home/dist/program/${self##*/}.mjs" "$@"
