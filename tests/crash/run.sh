#!/usr/bin/env bash
# Kills, stops and restarts the node under load, and compares it with what its clients were told.
# Usage: tests/crash/run.sh [--cycles N] [--seed S] [--minutes M]
#   --cycles N   100; 25 of them share a data folder
#   --seed S     1; the same seed plans the same crashes (--from is the same)
#   --minutes M  ends after M minutes, also in the middle of the plan
set -euo pipefail
cd "$(dirname "$0")/../.."
cycles=100
seed=1
minutes=0
while [ $# -gt 0 ]; do
  case "$1" in
    --cycles) cycles=${2:?"--cycles needs a number"} ;;
    --seed|--from) seed=${2:?"$1 needs a number"} ;;
    --minutes) minutes=${2:?"--minutes needs a number"} ;;
    -h|--help) sed -n '2,6s/^# //p' "$0"; exit 0 ;;
    *) echo "run.sh: '$1' is no option; see tests/crash/run.sh --help" >&2; exit 2 ;;
  esac
  shift 2
done
export WATCHWORD_CRASH_CYCLES=$cycles WATCHWORD_CRASH_SEED=$seed WATCHWORD_CRASH_MINUTES=$minutes
exec build/release/test_crash --gtest_filter='Cycles.*' --gtest_brief=1
