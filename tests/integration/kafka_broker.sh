#!/usr/bin/env bash
# deploy/kafka/broker.sh with the real Kafka, of the version in WATCHWORD_KAFKA_VERSION if that is set; about 30 s.
set -euo pipefail
cd "$(dirname "$0")/../.."
broker=deploy/kafka/broker.sh
folder=$(mktemp -d)
foreground=""
finish() {
  [ -n "$foreground" ] && kill -TERM "$foreground" 2>/dev/null && wait "$foreground"
  $broker stop "${here[@]}" >/dev/null
  rm -rf "$folder"
}

begun=$SECONDS
is() { echo "ok $((SECONDS - begun)) s: $*"; }
fail() {
  echo "FAILED: $*" >&2
  tail -n 30 "$folder"/out "$folder"/data/node-1/kafka.log >&2 2>/dev/null || true
  exit 1
}

# fails_saying TEXT COMMAND...: exit code not 0, TEXT among the output.
fails_saying() {
  local text=$1; shift
  if "$@" >"$folder/out" 2>&1; then fail "exit 0: $*"; fi
  grep -qF "$text" "$folder/out" || fail "'$text' is not said by: $*"
}

says() {
  local text=$1; shift
  "$@" >"$folder/out" 2>&1 || fail "exit $?: $*"
  grep -qF "$text" "$folder/out" || fail "'$text' is not said by: $*"
}

# Below the ports that the kernel gives to clients.
is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
port=$((20000 + $$ % 9000))
until is_free "$port" && is_free $((port + 1)); do port=$((port + 2)); done
here=(--port "$port" --data "$folder/data")
trap finish EXIT

fails_saying "not running" $broker status "${here[@]}"
says "is ready on 127.0.0.1:$port" $broker start "${here[@]}"
is "start returns when the broker is ready"
kcat -b "127.0.0.1:$port" -L -m 5 >"$folder/out" || fail "a client gets no metadata"
grep -q "^ 1 brokers:" "$folder/out" || fail "the metadata names no broker"
says "node 1: answers" $broker status "${here[@]}"
says "already running" $broker start "${here[@]}"
is "a client is answered, a second start leaves it alone"

fails_saying "something else listens on 127.0.0.1:$port" $broker start --port "$port" --data "$folder/other"
fails_saying "was made for 1 node" $broker start "${here[@]}" --nodes 3
fails_saying "was made by Kafka" $broker start "${here[@]}" --version 3.0.0
fails_saying "'--nods' is no option" $broker start --nods 1
is "a taken port, another cluster's shape and a wrong option are refused by name"

names_of_properties() { sed 's/=.*//' "$folder/data/node-1/server.properties" | sort; }
names_of_compose() {
  grep -oE '^ +KAFKA_[A-Z_]+:' deploy/kafka/compose.yaml | tr -d ' :' | grep -v KAFKA_HEAP_OPTS |
    sed 's/^KAFKA_//' | tr 'A-Z_' 'a-z.' | sort
}
diff <(names_of_properties) <(names_of_compose) >"$folder/out" || fail "compose.yaml sets other things than broker.sh"
is "the compose file makes the same settings"

says "Created topic" $broker tool "${here[@]}" org.apache.kafka.tools.TopicCommand \
  --bootstrap-server "127.0.0.1:$port" --create --topic kept --partitions 2
printf 'k%s:v%s\n' 1 1 2 2 3 3 >"$folder/sent"
kcat -b "127.0.0.1:$port" -P -t kept -K: -X acks=all "$folder/sent" -l 2>"$folder/out" || fail "kcat could not produce"
kcat -b "127.0.0.1:$port" -P -t absent -X message.timeout.ms=3000 <<<x >"$folder/out" 2>&1 && fail "a topic was made by itself"
kill -KILL "$(cat "$folder/data/node-1/pid")"
says "is ready on" $broker start "${here[@]}"
says "stopped: node 1" $broker stop "${here[@]}"
fails_saying "not running" $broker status "${here[@]}"
is "a start at once after a kill starts it again"

$broker run "${here[@]}" >"$folder/run" 2>&1 &
foreground=$!
until grep -q "is ready" "$folder/run" && grep -qF "Kafka Server started" "$folder/run"; do
  kill -0 "$foreground" 2>/dev/null || { cat "$folder/run" >&2; fail "the foreground run ended"; }
  sleep 0.1
done
kcat -b "127.0.0.1:$port" -C -t kept -e -q -K: >"$folder/read" || fail "kcat could not consume"
diff <(sort "$folder/read") "$folder/sent" || fail "records were lost"
kill -TERM "$foreground"
wait "$foreground" || fail "the foreground run ended with $?"
foreground=""
fails_saying "not running" $broker status "${here[@]}"
is "after a kill the records are there; a foreground run shows the output and ends on SIGTERM"

fails_saying "ended at its start" $broker start "${here[@]}" --set log.segment.bytes=-5
grep -qF "log.segment.bytes" "$folder/out" || fail "the reason is not shown"
fails_saying "not running" $broker status "${here[@]}"
says "no Kafka of" $broker stop "${here[@]}"
is "a start that cannot succeed shows why and leaves nothing running"
