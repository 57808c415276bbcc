#!/usr/bin/env bash
# Builds and runs the benchmarks; prints a table and leaves one JSON object a line in build/bench.jsonl.
# Usage: tests/bench/run.sh [--no-build] [NAME...]     without names: all; --help lists them
# Exit 0 if all of them ran, whatever the figures. All of them together take under 20 minutes.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1

known() {
  local source
  for source in tests/bench/*.cc; do
    [ -e "$source" ] && basename "$source" .cc
  done
}

build=yes
names=()
for argument in "$@"; do
  case "$argument" in
    --no-build) build=no ;;
    -h|--help)
      sed -n '2,4s/^# //p' "$0"
      echo "Benchmarks:"
      known | sed 's/^/  /'
      exit 0 ;;
    -*) echo "run.sh: '$argument' is no option; see tests/bench/run.sh --help" >&2; exit 2 ;;
    *) names+=("$argument") ;;
  esac
done
for name in "${names[@]}"; do
  [ -e "tests/bench/$name.cc" ] || {
    echo "run.sh: there is no benchmark '$name'; there are: $(known | tr '\n' ' ')" >&2
    exit 2
  }
done
[ ${#names[@]} -gt 0 ] || mapfile -t names < <(known)
[ ${#names[@]} -gt 0 ] || { echo "run.sh: tests/bench has no benchmark" >&2; exit 1; }

if [ "$build" = yes ]; then
  # `watchword` as well: some benchmarks start it.
  deploy/setup.sh >&2 && deploy/build.sh release "${names[@]/#/bench_}" watchword >&2 || {
    echo "run.sh: the build failed" >&2
    exit 1
  }
fi

# All together stay below 20 minutes: each may take what is left, and at most 10.
deadline_s=$((SECONDS + 1140))
limit_s() {
  local left=$((deadline_s - SECONDS)) most=${WATCHWORD_BENCH_LIMIT_S:-600}
  [ "$left" -lt 1 ] && left=1
  echo $((left < most ? left : most))
}
results=build/bench.jsonl
mkdir -p build
: >"$results"
failed=()
for name in "${names[@]}"; do
  begun_s=$SECONDS
  limit=$(limit_s)
  echo "== $name" >&2
  lines=$(mktemp)
  timeout -k 10 "$limit" "build/release/bench_$name" >"$lines" </dev/null
  status=$?
  # What is no object with a bench, a metric and a number is a mistake of the benchmark.
  if ! jq -ce 'if (.bench|type) == "string" and (.metric|type) == "string" and (.value|type) == "number" and (.unit|type) == "string"
               then . else error("not {bench, metric, value, unit}") end' "$lines" >>"$results"; then
    [ "$status" -eq 0 ] && status=65
  fi
  rm -f "$lines"
  if [ "$status" -ne 0 ]; then
    [ "$status" -eq 124 ] && echo "run.sh: $name took over $limit s" >&2
    echo "run.sh: $name failed (exit $status)" >&2
    failed+=("$name")
  else
    echo "   $((SECONDS - begun_s)) s" >&2
  fi
done

echo
{
  echo $'bench\tmetric\tvalue\tunit'
  jq -r '[.bench, .metric, (.value | if . == floor or fabs >= 1000 then round | tostring else . * 1000 | round / 1000 | tostring end), .unit] | @tsv' "$results"
} | awk -F'\t' '{ for (i = 1; i <= 4; ++i) { cell[NR, i] = $i; if (length($i) > width[i]) width[i] = length($i) } }
  END { for (r = 1; r <= NR; ++r) printf "%-*s  %-*s  %*s  %s\n", width[1], cell[r, 1], width[2], cell[r, 2], width[3], cell[r, 3], cell[r, 4] }'
echo
echo "$results has the same, one JSON object a line"
if [ ${#failed[@]} -gt 0 ]; then
  echo "run.sh: did not run to the end: ${failed[*]}" >&2
  exit 1
fi
