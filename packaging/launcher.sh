#!/bin/sh
# Starts the program of this name with the Node that lies beside it, wherever the two were unpacked.
self=$(readlink -f -- "$0")
home=${self%/bin/*}/lib/fastsync
exec "$home/node" "$home/dist/program/${self##*/}.mjs" "$@"
