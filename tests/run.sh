#!/usr/bin/env bash
# Sets up, builds and runs every test; ends with the line "N passed, N failed" and exit code 1 if any failed.
# Usage: tests/run.sh [--proof] [--asan] [--tsan] [--only PATTERN] [--no-build] [--no-lint] [--no-kafka]
#   --proof         all that each commit must pass: besides, sanitizers, fuzzing, mutations; tells how long each part took
#   --asan          unit tests and suites once more under AddressSanitizer and UndefinedBehaviorSanitizer
#   --tsan          unit tests and suites once more under ThreadSanitizer
#   --only PATTERN  only tests whose name holds PATTERN: test_unit_base, integration, lint
#   --no-build      tests what is built already
#   --no-lint       leaves out the linters of the API descriptions (they need Node.js)
#   --no-kafka      leaves out what needs a real Kafka (Java; the broker comes from Maven Central)
# WATCHWORD_TEST_TIMEOUT_S is the limit of one program, 300.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

sanitizers=()
only=""
build=yes
lint=yes
kafka=yes
proof=no
while [ $# -gt 0 ]; do
  case "$1" in
    --asan|--tsan) sanitizers+=("${1#--}") ;;
    --only) only=${2:?"--only needs a pattern"}; shift ;;
    --proof) proof=yes; sanitizers=(asan tsan) ;;
    --no-build) build=no ;;
    --no-lint) lint=no ;;
    --no-kafka) kafka=no ;;
    -h|--help) sed -n '2,11s/^# //p' "$0"; exit 0 ;;
    *) echo "run.sh: '$1' is no option; see tests/run.sh --help" >&2; exit 2 ;;
  esac
  shift
done

limit_s=${WATCHWORD_TEST_TIMEOUT_S:-300}
started_s=$SECONDS
results=build/test-results
rm -rf "$results"
mkdir -p "$results"

fail_early() {
  echo "run.sh: $*" >&2
  echo "0 passed, 1 failed"
  exit 1
}

# The cases that failed, with what they printed; of a script what it names as wrong, else its output's end.
show_failure() {
  local log=$1 report=$2
  if [ -s "$report" ]; then
    awk '/^\[ RUN      \]/ { kept = ""; n = 0 }
         n++ < 200 { kept = kept $0 "\n" }
         /\[  FAILED  \].*\([0-9]+ ms\)$/ { printf "%s", kept }' "$log"
    grep -A60 -m1 -E 'Sanitizer|runtime error' "$log" || true
  else
    grep -aE -A20 '^(FOUND|SURVIVED|BROKEN|FAIL|seed [0-9]+ broke)' "$log" | head -n 60 | cut -c1-400
    tail -n 30 "$log" | cut -c1-400
  fi | sed 's/^/    /'
}

# run_program NAME COMMAND...: leaves "passed failed" in $results/NAME.count.
run_program() {
  local name=$1; shift
  local log=$results/$name.log report=$results/$name.json begun_s=$SECONDS status passed failed
  timeout -k 10 "$limit_s" "$@" >"$log" 2>&1 </dev/null
  status=$?
  if [ -s "$report" ]; then
    failed=$(jq '.failures + .errors' "$report")
    passed=$(($(jq '.tests - .disabled' "$report") - failed))
    [ "$status" -ne 0 ] && [ "$failed" -eq 0 ] && failed=1
    [ "$passed" -eq 0 ] && [ "$failed" -eq 0 ] && failed=1 && echo "no test in it" >>"$log"
  elif [[ $name == *test_* ]]; then
    passed=$(grep -c '\[       OK \]' "$log")
    failed=$(($(grep -cE '\[  FAILED  \].*\([0-9]+ ms\)$' "$log") + 1))
  else
    passed=$((status == 0)); failed=$((status != 0))
  fi
  echo "$passed $failed" >"$results/$name.count"
  local took="$((SECONDS - begun_s)) s"
  if [ "$failed" -eq 0 ]; then
    printf 'ok    %-32s %5d passed              %6s\n' "$name" "$passed" "$took"
  else
    [ "$status" -eq 124 ] && took="over $limit_s s"
    printf 'FAIL  %-32s %5d passed %4d failed  %6s (exit %d)\n%s\n' "$name" "$passed" "$failed" "$took" "$status" \
      "$(show_failure "$log" "$report")"
  fi
}

# run_binaries AT_ONCE PREFIX BINARY...
run_binaries() {
  local at_once=$1 prefix=$2 binary name; shift 2
  for binary in "$@"; do
    name=$prefix$(basename "$binary")
    [[ -x $binary && $name == *"$only"* ]] || continue
    while [ "$(jobs -rp | wc -l)" -ge "$at_once" ]; do wait -n; done
    run_program "$name" "$binary" --gtest_brief=0 --gtest_output="json:$results/$name.json" &
  done
  wait
}

# Targets of the unit tests and suites: a folder with sources is a binary.
fast_targets() {
  local folder
  for folder in tests/unit/*/ tests/suites/*/; do
    [ "$folder" = tests/suites/kafka/ ] && continue  # needs a broker
    compgen -G "$folder*.cc" >/dev/null && echo "$folder" | sed 's|^tests/|test_|; s|/$||; s|/|_|g'
  done
}

# The journal's suite on the real Kafka, whose data is new each time.
run_kafka() {
  local broker=(deploy/kafka/broker.sh) place=(--port "${WATCHWORD_KAFKA_PORT:-19092}" --data build/test-kafka)
  [[ $kafka = yes && test_suites_kafka == *"$only"* ]] || return 0
  "${broker[@]}" stop "${place[@]}" >/dev/null 2>&1
  rm -rf build/test-kafka
  if "${broker[@]}" start "${place[@]}"; then
    WATCHWORD_TEST_BROKERS=127.0.0.1:${place[1]} run_binaries 1 "" build/release/test_suites_kafka
    "${broker[@]}" stop "${place[@]}"
  else
    echo "FAIL  test_suites_kafka: no broker"
    echo "0 1" >"$results/test_suites_kafka.count"
  fi
}

run_release() {
  local fast=() slow=() binary script
  for binary in build/release/test_*; do
    case "$(basename "$binary")" in
      test_suites_kafka) ;;  # needs a broker: run_kafka
      test_unit_*|test_suites_*|test_tidy|test_fuzz|test_simulation) fast+=("$binary") ;;
      *) slow+=("$binary") ;;
    esac
  done
  run_binaries 2 "" "${fast[@]}"
  run_binaries 1 "" "${slow[@]}"  # these start servers and measure times: alone
  run_kafka
  for script in tests/integration/*.sh; do
    [[ $kafka = no && $script == *kafka* ]] && continue
    [[ -x $script && $script == *"$only"* ]] && run_program "$(basename "$script" .sh)" "$script"
  done
  [ "$lint" = yes ] && [[ lint == *"$only"* ]] && run_program lint tests/tidy/lint.sh
  [[ simulation == *"$only"* ]] && limit_s=900 run_program simulation tests/simulation/run.sh --seeds "${WATCHWORD_SEEDS:-500}"
  return 0
}

# Which mutations: five others at each commit.
run_proof() {
  local turn
  turn=$(git rev-list --count HEAD 2>/dev/null || date +%j)
  limit_s=2400 part fuzzing run_program fuzzing tests/fuzz/run.sh --seconds 30
  limit_s=2400 part mutations run_program mutations tests/mutations/run.sh --sample 5 --turn "$turn"
}

# part NAME COMMAND...: runs it and remembers how long it took.
parts=""
part() {
  local name=$1 begun_s=$SECONDS status=0; shift
  echo "== $name"
  "$@" || status=$?
  parts+="$name $((SECONDS - begun_s)) s, "
  return "$status"
}

# Unit tests and suites; under ThreadSanitizer those in which threads meet: not the damage of one file, byte by byte.
run_sanitized() {
  local preset=$1 targets=() binaries=() target
  mapfile -t targets < <(fast_targets)
  if [ "$preset" = tsan ]; then
    targets=(test_suites_runtime test_suites_journal test_suites_keys test_suites_replay test_unit_http)
    local -x GTEST_FILTER='-SegmentRecovery.*:Damage.*'
  fi
  if [ "$build" = yes ] && ! deploy/build.sh "$preset" "${targets[@]}"; then
    echo "FAIL  $preset: it does not build"
    echo "0 1" >"$results/$preset.count"
    return
  fi
  for target in "${targets[@]}"; do binaries+=("build/$preset/$target"); done
  limit_s=$((limit_s * 3)) run_binaries 2 "$preset:" "${binaries[@]}"  # what is checked takes longer
}

setup=()
[ "$kafka" = yes ] && setup+=(--kafka)
[ "$lint" = yes ] && setup+=(--lint)
[ "$proof" = yes ] && setup+=(--fuzz)
if [ "$build" = yes ]; then
  part setup deploy/setup.sh "${setup[@]}" || fail_early "setup failed"
  part build deploy/build.sh release || fail_early "the release build failed"
fi
part tests run_release
[ "$proof" = yes ] && run_proof
for preset in "${sanitizers[@]}"; do part "$preset" run_sanitized "$preset"; done

passed=0
failed=0
while read -r p f; do
  passed=$((passed + p)); failed=$((failed + f))
done < <(cat "$results"/*.count 2>/dev/null)
[ $((passed + failed)) -eq 0 ] && { echo "run.sh: no test ran" >&2; failed=1; }
echo "== ${parts}all $((SECONDS - started_s)) s; the output of each program is in $results/"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
