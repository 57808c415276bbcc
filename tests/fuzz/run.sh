#!/usr/bin/env bash
# Fuzzes every target of tests/fuzz/targets with libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer.
# Usage: tests/fuzz/run.sh [--seconds S] [--minutes M] [--target NAME]... [--keep DIR] [--no-build]
#   --seconds S    for each target, two targets at once; 30
#   --minutes M    the same in minutes
#   --target NAME  only this one; may be given again
#   --keep DIR     what is learnt (inputs that reach new code) goes on from DIR/<target>, and stays there
#   --no-build     runs what is built already
# Exit code 1 when something was found; the input is then in tests/fuzz/found/<target>/, where test_fuzz runs it for ever.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2

seconds=30
keep=""
build=yes
names=()
while [ $# -gt 0 ]; do
  case "$1" in
    --seconds) seconds=${2:?"--seconds needs a number"}; shift ;;
    --minutes) seconds=$((${2:?"--minutes needs a number"} * 60)); shift ;;
    --target) names+=("${2:?"--target needs a name"}"); shift ;;
    --keep) keep=${2:?"--keep needs a folder"}; shift ;;
    --no-build) build=no ;;
    -h|--help) sed -n '2,9s/^# //p' "$0"; exit 0 ;;
    *) echo "run.sh: '$1' is no option; see tests/fuzz/run.sh --help" >&2; exit 2 ;;
  esac
  shift
done
if [ ${#names[@]} -eq 0 ]; then
  mapfile -t names < <(basename -s .cc tests/fuzz/targets/*.cc)
fi
for name in "${names[@]}"; do
  [ -f "tests/fuzz/targets/$name.cc" ] || { echo "run.sh: there is no target $name in tests/fuzz/targets" >&2; exit 2; }
done

command -v clang++-22 >/dev/null || command -v clang++-19 >/dev/null || {
  echo "run.sh: fuzzing needs clang with libFuzzer, which is not installed; run deploy/setup.sh --fuzz first" >&2
  exit 2
}
if [ "$build" = yes ]; then
  deploy/build.sh fuzz "${names[@]/#/fuzz_}" || exit 2
fi

# Files in memory where there are some: a target that syncs should not wait for a disk.
scratch=$(TMPDIR=$([ -w /dev/shm ] && echo /dev/shm || echo /tmp) mktemp -d -t watchword-fuzz-run-XXXXXX)
trap 'rm -rf "$scratch"' EXIT
results=build/fuzz/results
rm -rf "$results"
mkdir -p "$results"

export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=0:handle_abort=1
export UBSAN_OPTIONS=print_stacktrace=1
symbolizer=$(command -v llvm-symbolizer-22 || command -v llvm-symbolizer-19 || true)
[ -n "$symbolizer" ] && export ASAN_SYMBOLIZER_PATH=$symbolizer

run_one() {
  local name=$1 binary=build/fuzz/fuzz_$1 found=tests/fuzz/found/$1/ learnt=${keep:-$scratch}/$1 options=() dictionary
  mkdir -p "$learnt" "$scratch/tmp-$name" "$found"
  dictionary=tests/fuzz/dictionaries/$name.dict
  [ -f "$dictionary" ] && options+=("-dict=$dictionary")
  TMPDIR=$scratch/tmp-$name "$binary" "$learnt" "tests/fuzz/corpus/$name" "$found" \
    -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=4096 -print_final_stats=1 \
    -artifact_prefix="$found" "${options[@]}" >"$results/$name.log" 2>&1 </dev/null
  echo $? >"$results/$name.exit"
  ls "$learnt" | wc -l >"$results/$name.size"
  rmdir "$found" tests/fuzz/found 2>/dev/null
  report "$name"
}

# One line of figures, from what libFuzzer printed.
report() {
  local name=$1 log=$results/$1.log last executions rate edges
  last=$(grep -aE '^#[0-9]+.*cov: ' "$log" | tail -1)
  executions=$(sed -n 's/^stat::number_of_executed_units: //p' "$log")
  rate=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")
  edges=$(grep -oE 'cov: [0-9]+' <<<"$last" | cut -d' ' -f2)
  if [ "$(cat "$results/$name.exit")" = 0 ]; then
    printf 'ok    %-18s %11s executions %9s /s %7s edges %6s inputs\n' "$name" "${executions:-?}" "${rate:-?}" \
      "${edges:-?}" "$(cat "$results/$name.size")"
    return
  fi
  local kept
  kept=$(sed -n 's/.*Test unit written to //p' "$log" | tail -1)
  printf 'FOUND %-18s %s\n' "$name" "repeat it with: build/fuzz/fuzz_$name ${kept:-tests/fuzz/corpus/$name/*}"
  grep -aE -m1 -A25 'ERROR: |runtime error|terminate called|what\(\)' "$log" | sed 's/^/    /'
}

echo "== ${#names[@]} targets, $seconds s each, two at once"
started_s=$SECONDS
for name in "${names[@]}"; do
  while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n; done
  run_one "$name" &
done
wait
failed=$(grep -Lx 0 "$results"/*.exit | wc -l)
echo "== $((SECONDS - started_s)) s; what each printed is in $results/"
echo "$((${#names[@]} - failed)) targets held, $failed broke"
[ "$failed" -eq 0 ]
