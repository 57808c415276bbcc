#!/usr/bin/env bash
# Kills the node with -9 in the middle of load, again and again (WATCHWORD_KILL_CYCLES, 20), and checks after each restart that
# no acknowledged change is lost and that `watchword replay verify` agrees.
set -euo pipefail
cd "$(dirname "$0")/../.."
export WATCHWORD_KILL_CYCLES=${WATCHWORD_KILL_CYCLES:-20}
exec build/release/test_integration --gtest_filter='KillNine.*'
