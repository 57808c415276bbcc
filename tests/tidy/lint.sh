#!/usr/bin/env bash
# Lints the API descriptions. The linters are installed once for each lock file, into build/lint-<hash>/; no install script runs.
set -euo pipefail
cd "$(dirname "$0")/../.."
for tool in node npm; do
  command -v "$tool" >/dev/null || {
    echo "lint.sh: $tool is missing; run deploy/setup.sh --lint, or tests/run.sh --no-lint to leave the linters out" >&2
    exit 1
  }
done
hash=$(cat tests/tidy/lint/package.json tests/tidy/lint/package-lock.json | sha256sum | cut -c1-12)
installed=build/lint-$hash
if [ ! -e "$installed/complete" ]; then
  rm -rf build/lint-*
  mkdir -p "$installed"
  cp tests/tidy/lint/package.json tests/tidy/lint/package-lock.json "$installed/"
  npm ci --prefix "$installed" --ignore-scripts --no-audit --no-fund --loglevel=error >"$installed/npm.log" 2>&1 || {
    cat "$installed/npm.log" >&2
    echo "lint.sh: npm could not install the linters; check the network, or leave them out with tests/run.sh --no-lint" >&2
    exit 1
  }
  touch "$installed/complete"
fi
node tests/tidy/lint/lint.mjs "$PWD/$installed" "$PWD"
