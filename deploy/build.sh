#!/usr/bin/env bash
# Builds Watchword into build/<preset>/. Usage: deploy/build.sh [release|asan|tsan|fuzz|coverage] [target...]
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:-release}
[ $# -gt 0 ] && shift
case "$preset" in
  release) flags=(-DCMAKE_BUILD_TYPE=Release "-DCMAKE_CXX_FLAGS_RELEASE=-O2 -g1") ;;
  asan) flags=(-DCMAKE_BUILD_TYPE=Debug "-DCMAKE_CXX_FLAGS_DEBUG=-O1 -g1" -DWATCHWORD_SANITIZER=address,undefined) ;;
  tsan) flags=(-DCMAKE_BUILD_TYPE=Debug "-DCMAKE_CXX_FLAGS_DEBUG=-O1 -g1" -DWATCHWORD_SANITIZER=thread) ;;
  coverage) flags=(-DCMAKE_BUILD_TYPE=Debug "-DCMAKE_CXX_FLAGS_DEBUG=-O1 -g1 --coverage") ;;
  fuzz)
    clang=$(command -v clang++-22 || command -v clang++-19 || true)
    [ -n "$clang" ] || { echo "build.sh: fuzzing needs clang; run deploy/setup.sh --fuzz first" >&2; exit 1; }
    flags=(-DCMAKE_BUILD_TYPE=Debug "-DCMAKE_CXX_FLAGS_DEBUG=-O1 -g1" -DWATCHWORD_SANITIZER=address,undefined
      -DWATCHWORD_FUZZ=ON "-DCMAKE_CXX_COMPILER=$clang" "-DCMAKE_C_COMPILER=${clang/++/}")
    [ $# -gt 0 ] || set -- fuzz ;;
  -h|--help) sed -n '2s/^# //p' "$0"; exit 0 ;;
  *) echo "build.sh: '$preset' is no preset; use release, asan, tsan, fuzz or coverage" >&2; exit 2 ;;
esac
for tool in cmake ninja g++; do
  command -v "$tool" >/dev/null || {
    echo "build.sh: $tool is not installed; run deploy/setup.sh first" >&2
    exit 1
  }
done
echo "== building build/$preset (the first time takes some minutes)"
mkdir -p "build/$preset"
log="build/$preset/configure.log"
cmake -S . -B "build/$preset" -G Ninja "${flags[@]}" >"$log" 2>&1 || {
  cat "$log" >&2
  echo "build.sh: cmake could not configure; run deploy/setup.sh first, or remove build/$preset if it is from another machine" >&2
  exit 1
}
if [ $# -gt 0 ]; then targets=(--target "$@"); else targets=(); fi
# On a terminal ninja rewrites its one line; elsewhere a line for every twenty-fifth step is enough.
if [ -t 1 ]; then
  cmake --build "build/$preset" "${targets[@]}"
else
  NINJA_STATUS='[%f/%t %es] ' cmake --build "build/$preset" "${targets[@]}" 2>&1 |
    awk -v last=0 '/^\[[0-9]+\/[0-9]+ [0-9.]+s\]/ {
           split(substr($1, 2), step, "/"); if (step[1] - last >= 25 || step[1] == step[2]) { print; last = step[1]; fflush() }
           next } { print; fflush() }'
fi
echo "== built build/$preset"
