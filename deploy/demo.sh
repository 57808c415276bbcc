#!/usr/bin/env bash
# A stolen token, from its theft to nginx's 401: sets up, builds, starts Watchword and a real nginx in a
# temporary folder on loopback, and leaves nothing running.
# Usage: deploy/demo.sh [--import FILE --format cloudtrail|sshd|jsonl] [--keep] [--no-build]
#   --import FILE  afterwards also sends your own log as history, and shows what was odd in it
#   --format F     of that log: cloudtrail, sshd or jsonl
#   --keep         keeps it running for you to play with, until Enter
#   --no-build     takes build/release/watchword as it is
set -euo pipefail
cd "$(dirname "$0")/.."

import=""
format=""
keep=no
build=yes
refuse() {
  echo "demo.sh: $*" >&2
  exit 2
}
while [ $# -gt 0 ]; do
  case "$1" in
    --import) import=${2:?"--import needs a file"}; shift ;;
    --format) format=${2:?"--format needs cloudtrail, sshd or jsonl"}; shift ;;
    --keep) keep=yes ;;
    --no-build) build=no ;;
    -h|--help) sed -n '2,8s/^# //p' "$0"; exit 0 ;;
    *) refuse "'$1' is no option; see deploy/demo.sh --help" ;;
  esac
  shift
done
[ -z "$import" ] || [ -r "$import" ] || refuse "cannot read $import; give a file that you may read after --import"
[ -n "$import" ] || [ -z "$format" ] || refuse "--format goes with --import FILE"
case "$format" in
  cloudtrail|sshd|jsonl) ;;
  "") [ -z "$import" ] || refuse "--import needs --format cloudtrail, sshd or jsonl" ;;
  *) refuse "'$format' is no format; use cloudtrail, sshd or jsonl" ;;
esac

if [ "$build" = yes ]; then
  deploy/setup.sh
  deploy/build.sh release watchword
fi
watchword=build/release/watchword
[ -x "$watchword" ] || refuse "$watchword is not there; run deploy/demo.sh without --no-build"
PATH=$PATH:/usr/sbin
for tool in nginx curl jq; do
  command -v "$tool" >/dev/null || refuse "$tool is not installed; run deploy/setup.sh, which installs it"
done

export NO_PROXY=127.0.0.1 no_proxy=127.0.0.1
folder=$(mktemp -d "${TMPDIR:-/tmp}/watchword-demo.XXXXXX")
processes=()

# Ends what this script started, by process id, last first. What does not end within 6 s (Watchword promises 5) is killed.
stop_all() {
  local i process
  for ((i = ${#processes[@]} - 1; i >= 0; --i)); do
    process=${processes[i]}
    kill -TERM "$process" 2>/dev/null || true
    timeout 6 tail -s 0.02 --pid="$process" -f /dev/null || kill -KILL "$process" 2>/dev/null || true
    wait "$process" 2>/dev/null || true
  done
  processes=()
}
finish() {
  local status=$?
  trap - EXIT
  trap '' INT TERM HUP  # an impatient second ctrl-C must not cut the clearing up short
  stop_all
  rm -rf "$folder"
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

bold="" dim="" red="" green="" plain=""
if [ -t 1 ]; then
  bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
fi
step() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
# A name and its value; what is long goes on below itself.
fact() {
  local name=$1 line
  while IFS= read -r line; do
    printf '   %-22s %s\n' "$name" "${line% }"
    name=""
  done < <(fold -s -w 88 <<<"$2")
}
note() { printf '   %s%s%s\n' "$dim" "$*" "$plain"; }
die() {
  echo "demo.sh: $*" >&2
  for log in watchword.log nginx-error.log; do
    [ -s "$folder/$log" ] && { echo "--- the end of $log" >&2; tail -n 15 "$folder/$log" >&2; }
  done
  exit 1
}
# pause SECONDS, and wait_for SECONDS COMMAND...: until the command succeeds, or 1 when it does not in time.
exec {silence}<> <(:)
pause() { read -rt "$1" -u "$silence" || true; }
wait_for() {
  local end=$((SECONDS + $1 + 1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || return 1
    pause 0.02
  done
}
# microseconds SECONDS.FRACTION: as one number, whatever the decimal point of the locale.
microseconds() {
  local whole=${1%%[.,]*} fraction=${1##*[.,]}000000
  echo $((whole * 1000000 + 10#${fraction:0:6}))
}
in_ms() { printf '%d.%d ms' $(($1 / 1000)) $(($1 % 1000 / 100)); }
rfc3339() { date -u -d "@$(($1 / 1000000)).$(printf %06d $(($1 % 1000000)))" +%Y-%m-%dT%H:%M:%S.%3NZ; }

step "1. Watchword, and nginx in front of a page"
is_ready() { [ -s "$folder/ready.json" ]; }
"$watchword" dev --data "$folder/data" --config deploy/demo/watchword.toml \
  --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0 --admin-token-file "$folder/admin.token" \
  >"$folder/ready.json" 2>"$folder/watchword.log" &
processes+=($!)
wait_for 10 is_ready || die "Watchword did not start; what it said stands below"
WATCHWORD_URL=$(jq -r .api "$folder/ready.json")
export WATCHWORD_URL WATCHWORD_TOKEN_FILE=$folder/admin.token
fact "Watchword" "$WATCHWORD_URL"

# nginx needs a port that nobody has; one that was taken meanwhile is no reason to give up.
start_nginx() {
  local try process
  for try in 1 2 3 4 5; do
    port=$((20000 + RANDOM % 12000))
    sed -e "s|@FOLDER@|$folder|g" -e "s|@PORT@|$port|g" -e "s|@SITE@|$PWD/deploy/demo/site|g" \
      -e "s|@WATCHWORD@|${WATCHWORD_URL#http://}|g" deploy/demo/nginx.conf >"$folder/nginx.conf"
    nginx -e "$folder/nginx-error.log" -p "$folder" -c "$folder/nginx.conf" 2>>"$folder/nginx-error.log" &
    process=$!
    processes+=("$process")
    for ((i = 0; i < 100; ++i)); do
      kill -0 "$process" 2>/dev/null || break
      if [ -s "$folder/nginx.pid" ] && curl -so /dev/null "http://127.0.0.1:$port/"; then
        return 0
      fi
      pause 0.02
    done
    kill "$process" 2>/dev/null || true
    wait "$process" 2>/dev/null || true
    unset 'processes[-1]'  # its id may be another's by now
  done
  return 1
}
start_nginx || die "nginx did not start; what it said stands below"
site=http://127.0.0.1:$port
fact "nginx" "$site, asks /authz/forward before each page"
fact "without a token" "$(curl -so /dev/null -w '%{http_code}' "$site/payments/pending.json") from nginx"

step "2. A service identity gets a just-in-time token"
identity=$("$watchword" identity create --name payments-worker --environment production --team payments \
  --scope payments:read --json | jq -r .identity_id) || die "the identity was not registered"
"$watchword" jit issue --identity "$identity" --scope payments:read --duration 15m \
  --justification "demonstration" --json >"$folder/jit.json" || die "no token was issued"
token=$(jq -r .access_token "$folder/jit.json")
fact "identity" "payments-worker $identity"
fact "token" "$(jq -r .token_id "$folder/jit.json"), scope payments:read, $(jq -r .expires_in "$folder/jit.json") s"

# call ADDRESS CLIENT URL...: real requests over one connection; prints the status of each.
printf 'header = "Authorization: Bearer %s"\n' "$token" >"$folder/curl.conf"
call() {
  local address=$1 client=$2 url targets=()
  shift 2
  for url in "$@"; do targets+=(-o /dev/null "$url"); done
  curl -s -K "$folder/curl.conf" --interface "$address" -A "$client" -w '%{http_code}\n' "${targets[@]}"
}

step "3. Its usual work: 127.1.2.3, payments-worker/3.2, five pages, until that is learned"
pages=(/index.html /payments/status.json /payments/pending.json /payments/settled.json /payments/rates.json)
round=()
for ((i = 0; i < 40; ++i)); do round+=("$site${pages[i % 5]}"); done
usual() { "$watchword" identity metrics "$identity" --json; }
is_learned() {
  call 127.1.2.3 payments-worker/3.2 "${round[@]}" >>"$folder/usual.status" || die "curl could not reach nginx"
  usual >"$folder/usual.json"
  [ "$(jq -r .baseline_established "$folder/usual.json")" = true ]
}
begun_us=$(microseconds "$EPOCHREALTIME")
wait_for 20 is_learned || die "the usual was not learned within 20 s"
learned_us=$(microseconds "$EPOCHREALTIME")
sent=$(wc -l <"$folder/usual.status")
[ "$(sort -u "$folder/usual.status")" = 200 ] || die "some usual requests were not answered 200"
[ "$("$watchword" alerts list --identity "$identity" --json | jq '.items | length')" = 0 ] ||
  die "the usual work raised an alert; that is a false alarm"
fact "requests" "$sent through nginx, each answered 200"
fact "learned after" "$(in_ms $((learned_us - begun_us))) (24 h by default; here by deploy/demo/watchword.toml)"
fact "usual network" "$(jq -r '.baseline.networks[0] | "\(.network) (\(.share_percent) %)"' "$folder/usual.json")"
fact "usual client" "$(jq -r .baseline.user_agent "$folder/usual.json")"
fact "usual pages" "$(jq -r '.baseline.distinct.endpoints' "$folder/usual.json")"
fact "alerts so far" "0"

step "4. A thief has the token: 127.9.8.7, python-requests, a page never asked for"
# A security team that listens: each line of the alert topic with the moment of its arrival.
mkfifo "$folder/alerts"
curl -sN -H "Authorization: Bearer $(cat "$folder/admin.token")" \
  "$WATCHWORD_URL/api/v1/streams/alert?from=end" >"$folder/alerts" &
processes+=($!)
while IFS= read -r line; do
  [ -z "$line" ] || printf '%s %s\n' "$EPOCHREALTIME" "$line" >>"$folder/alerts.seen"
done <"$folder/alerts" &
processes+=($!)
pause 0.2
before=$(wc -l <"$folder/nginx-access.log")
# The first request passes: it is what gives the thief away. How many more do depends on the disk alone.
refused_at=0
for ((i = 1; i <= 100 && refused_at == 0; ++i)); do
  [ "$(call 127.9.8.7 python-requests/2.31.0 "$site/export/customers.json")" != 401 ] || refused_at=$i
done
is_seen() { [ -s "$folder/alerts.seen" ]; }
wait_for 5 is_seen || die "no alert came within 5 s of the theft. See: watchword identity risk, identity metrics"
tail -n "+$((before + 1))" "$folder/nginx-access.log" >"$folder/thief.log"
read -r logged took _ <"$folder/thief.log"
odd_us=$(($(microseconds "$logged") - $(microseconds "$took")))
note "what nginx logged of the thief (ms since the first request):"
refused_us=0
while read -r logged took status address method uri client; do
  ended_us=$(($(microseconds "$logged") - odd_us))
  colour=$red
  if [ "$status" = 401 ]; then refused_us=$ended_us colour=$green; fi
  printf '   %5d ms  %s%s%s  %s  %s  %s %s\n' $((ended_us / 1000)) "$colour" "$status" "$plain" \
    "$address" "$client" "$method" "$uri"
done <"$folder/thief.log"

step "5. The alert"
read -r seen line <"$folder/alerts.seen"
alert_us=$(($(microseconds "$seen") - odd_us))
alert=$(jq -r .data.data.alert_id <<<"$line")
"$watchword" alerts show "$alert" --json >"$folder/alert.json" || die "the alert could not be read"
fact "title" "$(jq -r .title "$folder/alert.json")"
fact "severity, risk" "$(jq -r '"\(.severity), \(.risk * 100000 | floor / 100000)"' "$folder/alert.json")"
fact "response" "$(jq -r '[.responses[].action] | join(", ")' "$folder/alert.json")"
printf '\n   %-18s %-10s %6s  %-44s %s\n' SIGNAL "ATT&CK" SHARE EXPECTED SEEN
jq -r '.signals[] | [.name, .attack_id, "\(.share * 100 | round) %", .expected, .seen] | @tsv' "$folder/alert.json" |
  while IFS=$'\t' read -r name attack share expected seen; do
    printf '   %-18s %-10s %6s  %-44s %s\n' "$name" "$attack" "$share" "$expected" "$seen"
  done

step "6. What Watchword did by itself"
state=$("$watchword" identity show "$identity" --json)
fact "identity" "$(jq -r .status <<<"$state"): $(jq -r .suspension_reason <<<"$state")"
[ "$refused_at" -gt 0 ] && [ "$(jq -r .status <<<"$state")" = suspended ] ||
  die "the theft was seen but not stopped: the identity should be suspended and the next request refused"
fact "the thief" "401 from nginx at request $refused_at"
fact "the rightful client" "$(call 127.1.2.3 payments-worker/3.2 "$site/payments/status.json") too: the token is dead for all"
"$watchword" alerts list --identity "$identity" --json |
  jq -r --arg first "$alert" '.items[] | select(.id != $first) | "\(.severity): \(.title)"' |
  while IFS= read -r line; do fact "one more alert" "$line"; done
fact "first odd request" "$(rfc3339 "$odd_us")"
fact "  to the alert" "$(in_ms "$alert_us")"
fact "  to the first 401" "$(in_ms "$refused_us")"

step "7. Proof, from the journal alone"
# The frame before the one that holds the evidence (partition:frame:entry), and the moment when the alert was seen.
evidence=$(jq -r '.evidence[0]' "$folder/alert.json")
frame=$(cut -d: -f2 <<<"$evidence")
before_place=${evidence%%:*}:$((frame - 1))
after_time=$(rfc3339 $((odd_us + alert_us + 1000)))
as_of() {
  "$watchword" replay at --data "$folder/data" --subject "$identity" "$@" --json |
    jq -r '"identity \(.identity.status), token \(.jit_tokens[0].status), alerts \(.alerts | length)"'
}
fact "just before" "$(as_of --position "$before_place")  (replay at --position $before_place)"
fact "as the alert came" "$(as_of --time "$after_time")  (replay at --time $after_time)"
"$watchword" replay verify --data "$folder/data" >"$folder/verify.txt" || {
  cat "$folder/verify.txt" >&2
  die "replay verify found a difference; the table above names it"
}
sed 's/^/   /' "$folder/verify.txt"

if [ -n "$import" ]; then
  step "8. Your own log: $import"
  note "history: it is learned from and raises alerts, but triggers no response"
  "$watchword" import --format "$format" --rejects "$folder/rejected" --quiet "$import" | sed 's/^/   /' ||
    die "the import failed; see the sentence above"
  "$watchword" alerts list --all --json | jq -s --arg own "$identity" \
    '[.[].items[] | select(.identity_id != $own)]' >"$folder/imported.json"
  count=$(jq length "$folder/imported.json")
  fact "alerts" "$count$([ "$count" -le 10 ] || echo ', of which the last ten:')"
  jq -r '.[-10:][] | [.severity, .event_count, .title] | @tsv' "$folder/imported.json" |
    while IFS=$'\t' read -r severity events title; do fact "$severity, $events events" "$title"; done
fi

step "How to go on"
cat <<END
   $watchword dev --data ./data
   export WATCHWORD_TOKEN_FILE=./data/admin.token      in another shell, while it runs
   $watchword status
   $watchword alerts tail
   $watchword import --format sshd /var/log/auth.log
   README.md has the first steps with curl; deploy/demo/nginx.conf shows how a gateway asks.
END

if [ "$keep" = yes ]; then
  step "Still running, until Enter"
  cat <<END
   export WATCHWORD_URL=$WATCHWORD_URL
   export WATCHWORD_TOKEN_FILE=$folder/admin.token
   $watchword identity timeline $identity
   $watchword identity reactivate $identity
   curl -i --interface 127.1.2.3 -A payments-worker/3.2 -K $folder/curl.conf $site/payments/status.json
END
  read -r _ || true
fi
