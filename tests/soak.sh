#!/usr/bin/env bash
# A node under steady mixed load with faults on, for minutes or hours; prints what it cost and what was lost, and ends with 1
# when something acknowledged is missing, memory or descriptors grow past what tests/soak/report.py declares, or work stays.
# Usage: tests/soak.sh [--minutes M] [--seed S] [--rate R]
#   --minutes M  how long the load goes on; 3
#   --seed S     of the load and of the faults' order; 1
#   --rate R     requests a second, of all callers together; 150
# The full disk needs the right to mount a file system; elsewhere it is left out, and the report says so.
set -euo pipefail
cd "$(dirname "$0")/.."
case "${1:-}" in
  -h|--help) sed -n '2,8s/^# //p' "$0"; exit 0 ;;
esac
[ -x build/release/watchword ] || {
  echo "soak.sh: build first: deploy/build.sh release watchword" >&2
  exit 2
}
exec env PYTHONDONTWRITEBYTECODE=1 python3 tests/soak/run.py --program build/release/watchword "$@"
