#!/usr/bin/env bash
# Builds Watchword with one deliberate fault at a time and says which test notices. Each fault is a patch in this folder;
# README.md says how one is written. Works on a copy of HEAD in build/mutants; the checkout is never touched.
# Usage: tests/mutations/run.sh [--list] [--all | --only NNN[,NNN...] | --sample K --turn T] [--jobs J] [--fresh] [--here]
#   --list        names the faults, builds nothing
#   --all         all of them (the default)
#   --only 007    this one; several with commas between
#   --sample K    K of them; --turn T says which: T = 0, 1, 2 … go through all in turn
#   --jobs J      compiler jobs at once, 2
#   --fresh       drops the copy of an earlier run first
#   --here        takes the files as they stand here, not as they were committed
# Ends with "N killed, N survived, N broken in S s"; exit 1 unless all were killed.
set -uo pipefail
folder=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$folder/../.." && pwd)
tree=$root/build/mutants/tree
logs=$root/build/mutants/logs
limit_s=${WATCHWORD_TEST_TIMEOUT_S:-300}
seeds=${WATCHWORD_MUTATION_SEEDS:-30}

die() {
  echo "mutations: $*" >&2
  exit 2
}

mode=--all only="" sample=0 turn=0 jobs=2 fresh=no here=no
while [ $# -gt 0 ]; do
  case "$1" in
    --list | --all) mode=$1 ;;
    --only) mode=$1 only=${2:?"--only needs a number"} && shift ;;
    --sample) mode=$1 sample=${2:?"--sample needs a number"} && shift ;;
    --turn) turn=${2:?"--turn needs a number"} && shift ;;
    --jobs) jobs=${2:?"--jobs needs a number"} && shift ;;
    --fresh) fresh=yes ;;
    --here) here=yes ;;
    -h | --help) sed -n '2,13s/^# //p' "$0"; exit 0 ;;
    *) die "'$1' is no option; see --help" ;;
  esac
  shift
done

rule_of() { head -n 1 "$1"; }
killers_of() { sed -n 's/^Killed-by: //p' "$1"; }
name_of() { basename "$1" .patch; }

# The patches that were asked for, one a line.
chosen() {
  local all=("$folder"/[0-9]*.patch) i number
  case "$mode" in
    --only)
      for number in ${only//,/ }; do
        compgen -G "$folder/$number-*.patch" || die "there is no mutation $number"
      done ;;
    --sample) for ((i = 0; i < sample && i < ${#all[@]}; i++)); do echo "${all[(turn * sample + i) % ${#all[@]}]}"; done ;;
    *) printf '%s\n' "${all[@]}" ;;
  esac
}

# Where a private mount is possible, the copy is seen at the checkout's own path: what build/release has is then as good as
# built here. Elsewhere the copy is built from nothing, once.
namespace=()
for flags in -m -rm; do
  unshare "$flags" true 2>/dev/null && namespace=(unshare "$flags" --propagation private) && break
done
inside() {
  if [ ${#namespace[@]} -gt 0 ]; then
    "${namespace[@]}" bash -c 'mount --bind "$1" "$2" && cd "$2" && shift 2 && exec "$@"' - "$tree" "$root" "$@"
  else
    (cd "$tree" && "$@")
  fi
}

seed() {
  mkdir -p "$tree/build"
  (cd "$root" && tar -cf - --exclude=./build --exclude=./.git .) | tar -xf - -C "$tree" || die "cannot copy the sources"
  if [ ${#namespace[@]} -gt 0 ] && [ -f "$root/build/release/build.ninja" ]; then
    cp -a --reflink=auto "$root/build/release" "$tree/build/" || die "cannot copy build/release"
    rm -f "$tree"/build/release/bench_*
  fi
}

sources() {
  if [ "$here" = yes ]; then
    # Somebody may be at work here: what goes away meanwhile is not there.
    (cd "$root" && git ls-files -co --exclude-standard | while IFS= read -r path; do [ -f "$path" ] && echo "$path"; done |
      tar -cf - --ignore-failed-read -T - 2>/dev/null) || true
  else
    git -C "$root" archive HEAD
  fi
}

# HEAD, and only HEAD: what differs from it is replaced and thereby newer than all that was built of it.
refresh() {
  local head=$root/build/mutants/head path
  rm -rf "$head" && mkdir -p "$head"
  sources | tar -xf - -C "$head" || die "cannot read the sources"
  while IFS= read -r -d '' path; do
    cmp -s "$head/$path" "$tree/$path" && continue
    mkdir -p "$(dirname "$tree/$path")"
    rm -f "$tree/$path"
    cp --preserve=mode "$head/$path" "$tree/$path"
  done < <(cd "$head" && find . -type f -print0)
  while IFS= read -r -d '' path; do
    [ -e "$head/$path" ] || rm -f "$tree/$path"
  done < <(cd "$tree" && find . -path ./build -prune -o -type f -print0)
  rm -rf "$head"
}

build() { inside ninja -C build/release -j "$jobs" "$@" >"$logs/build.log" 2>&1 </dev/null; }
targets_of() {  # integration tests run the program itself
  case "$1" in
    simulation) echo simulate ;;
    test_integration | test_scenario) echo "$1 watchword" ;;
    *) echo "$1" ;;
  esac
}

# run_test PROGRAM [FILTER]: its exit code; `found` is what it says of a failure.
run_test() {
  local program=$1 filter=${2:-*} status
  if [ "$program" = simulation ]; then
    inside timeout -k 10 "$limit_s" build/release/simulate --jobs "$jobs" --seeds "$seeds" >"$logs/test.log" 2>&1 </dev/null
  else
    inside timeout -k 10 "$limit_s" "build/release/$program" --gtest_filter="$filter" --gtest_fail_fast >"$logs/test.log" 2>&1 </dev/null
  fi
  status=$?
  found=$(sed -n 's/^\[  FAILED  \] \([A-Za-z0-9_.\/]*\).*/\1/p' "$logs/test.log" | head -n 1)
  [ -z "$found" ] && found="exit $status"
  [ "$status" -eq 124 ] && found="no end within $limit_s s"
  if [ "$status" -eq 130 ] || [ "$status" -eq 143 ]; then die "$program was ended by somebody else"; fi
  [ "$status" -eq 0 ] && grep -q ' 0 tests from 0 test suites ran' "$logs/test.log" && found=nothing && return 125
  return "$status"
}

fast_tests() {
  local sources
  for sources in "$tree"/tests/unit/*/ "$tree"/tests/suites/*/; do
    [[ $sources == */suites/kafka/ ]] && continue  # needs a broker
    compgen -G "$sources*.cc" >/dev/null && echo "$sources" | sed "s|$tree/tests/|test_|; s|/$||; s|/|_|g"
  done
  compgen -G "$tree/tests/simulation/main.cc" >/dev/null && echo simulation
}

# What must pass without any fault, or it would "kill" them all.
check_baseline() {
  local program filter targets=() bad=0
  mapfile -t killers < <(while read -r patch; do killers_of "$patch"; done | sort -u)
  for killer in "${killers[@]}"; do
    read -r program filter <<<"$killer"
    read -ra more <<<"$(targets_of "$program")"
    targets+=("${more[@]}")
  done
  build $(printf '%s\n' "${targets[@]}" | sort -u) || { tail -n 20 "$logs/build.log" >&2; die "HEAD itself does not build"; }
  for killer in "${killers[@]}"; do
    read -r program filter <<<"$killer"
    run_test "$program" "$filter" && continue
    echo "BROKEN  '$killer' fails without any fault: $found"
    bad=1
  done
  return $bad
}

# try_test PROGRAM [FILTER]: 0 survived, 1 killed, 2 does not build.
try_test() {
  build $(targets_of "$1") || return 2
  run_test "$@" && return 0
  verdict="killed by $1: $found"
  return 1
}

# passes_without PATCH PROGRAM: whether it is the fault that PROGRAM notices.
passes_without() {
  local kept=$verdict passed
  undo "$1"
  try_test "$2" "*"
  passed=$?
  patch -d "$tree" -p1 -F0 -s --no-backup-if-mismatch <"$1"
  verdict=$kept
  return "$passed"
}

# Sets `verdict`; 0 killed, 1 survived, 2 the list is wrong.
evaluate() {
  local patch=$1 program filter
  patch -d "$tree" -p1 -F0 -s --no-backup-if-mismatch --dry-run <"$patch" >/dev/null 2>&1 || { verdict="does not apply"; return 2; }
  patch -d "$tree" -p1 -F0 -s --no-backup-if-mismatch <"$patch"
  while read -r program filter; do
    try_test "$program" "$filter"
    case $? in
      1) return 0 ;;
      2) verdict="does not build"; return 2 ;;
    esac
  done < <(killers_of "$patch")
  while read -r program; do
    try_test "$program" "*"
    case $? in
      1) passes_without "$patch" "$program" && verdict="$verdict (not by the test that it names)" && return 0 ;;
      2) verdict="does not build"; return 2 ;;
    esac
  done < <(fast_tests)
  verdict=survived
  return 1
}

undo() {
  patch -d "$tree" -p1 -R -F0 -s --no-backup-if-mismatch <"$1" || die "cannot take $(name_of "$1") back; use --fresh"
}

report() { printf '%-8s %-44s %s, %d s\n' "$1" "$2" "$3" "$4"; }

evaluate_all() {
  local patch begun_s killed=0 survived=0 broken=0 started_s=$SECONDS
  while read -r patch; do
    begun_s=$SECONDS
    evaluate "$patch"
    case $? in
      0) killed=$((killed + 1)); report killed "$(name_of "$patch")" "$verdict" $((SECONDS - begun_s)) ;;
      1) survived=$((survived + 1)); report SURVIVED "$(name_of "$patch")" "$(rule_of "$patch")" $((SECONDS - begun_s)) ;;
      *) broken=$((broken + 1)); report BROKEN "$(name_of "$patch")" "$verdict" $((SECONDS - begun_s)); tail -n 15 "$logs/build.log" >&2 ;;
    esac
    [ "$verdict" = "does not apply" ] || undo "$patch"
  done
  echo "$killed killed, $survived survived, $broken broken in $((SECONDS - started_s)) s"
  [ $((survived + broken)) -eq 0 ]
}

if [ "$mode" = --list ]; then
  for patch in "$folder"/[0-9]*.patch; do printf '%-44s %s\n' "$(name_of "$patch")" "$(rule_of "$patch")"; done
  exit 0
fi
asked=$(chosen) || exit 2
[ -n "$asked" ] || die "there is no mutation to try"
[ "$fresh" = yes ] && rm -rf "$tree"
mkdir -p "$logs"
exec 9>"$root/build/mutants/lock"
flock -n 9 || die "another run is at work in build/mutants"
[ -d "$tree" ] || seed
refresh
if [ ! -f "$tree/build/release/build.ninja" ]; then
  inside deploy/build.sh release watchword_schemas >"$logs/build.log" 2>&1 || die "cannot configure; see $logs/build.log"
fi
check_baseline <<<"$asked" || die "the tests named fail without any fault; see $logs"
evaluate_all <<<"$asked"
