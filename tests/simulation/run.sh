#!/usr/bin/env bash
# Runs seeds of the deterministic simulation; exits with 1 when one breaks an invariant.
# Usage: tests/simulation/run.sh [--seeds N] [--from S] [--minutes M] [--jobs J] [--coverage]
#        tests/simulation/run.sh --seed S      this seed alone, with every step told
#   --seeds N     how many (500)        --from S   the first one (1)
#   --minutes M   as many as fit into this time instead
#   --jobs J      processes at once (as many as there are processors)
#   --coverage    builds with gcov, and lists which branches of the domain, the stores and the processors never ran
set -euo pipefail
cd "$(dirname "$0")/../.."

arguments=()
jobs=$(nproc)
preset=release
while [ $# -gt 0 ]; do
  case "$1" in
    --coverage) preset=coverage ;;
    --jobs) jobs=${2:?"--jobs needs a number"}; shift ;;
    -h|--help) sed -n '2,8s/^# //p' "$0"; exit 0 ;;
    *) arguments+=("$1") ;;
  esac
  shift
done
if [ "$preset" = coverage ] && ! command -v gcovr >/dev/null; then
  echo "run.sh: gcovr is not installed; apt-get install gcovr" >&2
  exit 1
fi
if [ ! -x "build/$preset/simulate" ] || [ "$preset" = coverage ]; then deploy/build.sh "$preset" simulate; fi
[ "$preset" = coverage ] && find "build/$preset" -name '*.gcda' -delete
status=0
"build/$preset/simulate" --jobs "$jobs" "${arguments[@]}" || status=$?
if [ "$preset" = coverage ]; then
  report=build/coverage/branches.txt
  gcovr --root . --object-directory build/coverage --branches --exclude-throw-branches --exclude-unreachable-branches \
    --filter 'events/' --filter 'stores/' --filter 'processors/' --filter 'api/handlers/' --filter 'api/observe/' \
    -j "$jobs" --output "$report"
  echo "branches that never ran, by file (the whole list: $report):"
  awk '/^(events|stores|processors|api)/ || /^TOTAL/' "$report" | sort -k4 | head -60
fi
exit "$status"
