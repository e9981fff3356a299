#!/usr/bin/env bash
# Every style check there is: TypeScript, the floors, formatting, C++, shell syntax. Changes nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
npx --no-install tsc -p . --noEmit
npx --no-install eslint --max-warnings 0 .
npx --no-install depcruise --output-type err-long bin src fsparsers packaging fixtures test bench
npx --no-install prettier --check --log-level warn .
git ls-files 'native/*.cc' 'native/*.h' 'test/*.cc' 'test/*.c' | xargs -r clang-format --dry-run --Werror
git ls-files '*.sh' .ci/run | xargs -r -n 1 bash -n
echo "lint: clean"
