#!/usr/bin/env bash
# Builds Watchword into build/<preset>/. Usage: deploy/build.sh [release|asan|tsan] [target...]
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:-release}
[ $# -gt 0 ] && shift
case "$preset" in
  release) flags=(-DCMAKE_BUILD_TYPE=Release "-DCMAKE_CXX_FLAGS_RELEASE=-O2 -g1") ;;
  asan) flags=(-DCMAKE_BUILD_TYPE=Debug "-DCMAKE_CXX_FLAGS_DEBUG=-O1 -g1" -DWATCHWORD_SANITIZER=address,undefined) ;;
  tsan) flags=(-DCMAKE_BUILD_TYPE=Debug "-DCMAKE_CXX_FLAGS_DEBUG=-O1 -g1" -DWATCHWORD_SANITIZER=thread) ;;
  *) echo "build.sh: '$preset' is no preset; use release, asan or tsan" >&2; exit 2 ;;
esac
echo "== building build/$preset"
cmake -S . -B "build/$preset" -G Ninja "${flags[@]}" >"build-$preset.log" 2>&1 || {
  cat "build-$preset.log" >&2
  rm -f "build-$preset.log"
  echo "build.sh: cmake could not configure; run deploy/setup.sh first" >&2
  exit 1
}
rm -f "build-$preset.log"
if [ $# -gt 0 ]; then targets=(--target "$@"); else targets=(); fi
cmake --build "build/$preset" "${targets[@]}"
