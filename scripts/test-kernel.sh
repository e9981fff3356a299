#!/usr/bin/env bash
# Runs the kernel tests, and ends with "N passed, N failed".
#   scripts/test-kernel.sh [LINE...] [PATTERN...]   only these lines of kernels (7.2), only tests of such a name
set -euo pipefail
cd "$(dirname "$0")/.."

# A guest's root is the host's, all of it.
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo -E env "PATH=$PATH")
"${as_root[@]}" node dist/test/kernel/main.js "$@"
