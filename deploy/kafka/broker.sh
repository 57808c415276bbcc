#!/usr/bin/env bash
# Runs Apache Kafka (KRaft, no ZooKeeper) on 127.0.0.1 for development and tests: no Docker, no systemd, no root.
# Usage: deploy/kafka/broker.sh COMMAND [OPTION...]
#   start   starts what is not running, in the background; returns when it answers
#   run     the same in the foreground, with its output, until ctrl-C
#   stop    stops it in order, by force after 30 s (the last of three nodes after 3 s: nobody is left to let it go)
#   status  version, process, ports and folder of each node; exit 1 unless all of them answer
#   fetch   only brings the jars into the cache, for use without a network later
#   tool CLASS [ARGUMENT...]  runs a program out of Kafka's jars; options of ours stand before CLASS
# Options:
#   --nodes N        brokers, each a controller too: 1 (the default) or 3; fixed once there is data
#   --version V      a release of Kafka; by default that of the data, else WATCHWORD_KAFKA_VERSION, else 3.9.1
#   --port P         of node 1, 9092; node 2 has P+100, node 3 P+200; each node's controller one above its own
#   --data DIR       default ~/.local/state/watchword/kafka-P (XDG_STATE_HOME)
#   --node K         with start and stop: only this node
#   --set KEY=VALUE  one more line for server.properties, for this start; repeated for more
# KAFKA_HEAP_OPTS is the heap of each node, "-Xms256m -Xmx512m"; WATCHWORD_KAFKA_START_S the limit of a start, 120 s.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

die() {
  echo "broker.sh: $*" >&2
  exit 1
}
misuse() {
  echo "broker.sh: $*; see deploy/kafka/broker.sh --help" >&2
  exit 2
}

command=${1:-}
[ $# -gt 0 ] && shift
case "$command" in
  start|run|stop|status|fetch|tool) ;;
  -h|--help) sed -n '2,18s/^# //p' "$0"; exit 0 ;;
  *) misuse "'$command' is no command" ;;
esac
nodes="" version="" port=9092 data="" only="" extra=()
while [ $# -gt 0 ]; do
  case "$1" in
    --nodes|--version|--port|--data|--node|--set) [ $# -gt 1 ] || misuse "$1 needs a value" ;;
    -*) misuse "'$1' is no option" ;;
    *) if [ "$command" = tool ]; then break; fi; misuse "'$1' is no option" ;;
  esac
  case "$1" in
    --nodes) nodes=$2 ;;
    --version) version=$2 ;;
    --port) port=$2 ;;
    --data) data=$2 ;;
    --node) only=$2 ;;
    --set) extra+=("$2") ;;
  esac
  shift 2
done
[[ $nodes =~ ^[13]?$ ]] || misuse "--nodes is 1 or 3"
[[ $only =~ ^[123]?$ ]] || misuse "--node is 1, 2 or 3"
[[ $version =~ ^([0-9]+\.[0-9]+\.[0-9]+)?$ ]] || misuse "--version is like 3.9.1"
[[ $port =~ ^[1-9][0-9]{0,4}$ ]] && [ "$port" -le 65334 ] || misuse "--port is a number up to 65334"
for line in "${extra[@]}"; do [[ $line == ?*=* ]] || misuse "--set needs KEY=VALUE"; done
home=~
data=$(realpath -m "${data:-${XDG_STATE_HOME:-$home/.local/state}/watchword/kafka-$port}")

# What the data was made with holds: a cluster's id and number of voters cannot change under it.
cluster_id="" data_nodes="" data_version=""
if [ -e "$data/cluster" ]; then
  read -r cluster_id data_nodes data_version <"$data/cluster"
fi
nodes=${nodes:-${data_nodes:-1}}
version=${version:-${data_version:-${WATCHWORD_KAFKA_VERSION:-3.9.1}}}
jars=$(realpath -m "${XDG_CACHE_HOME:-$home/.cache}/watchword/kafka-$version")
if [ "${version%%.*}" -ge 4 ]; then
  logging=log4j2 log_config="-Dlog4j2.configurationFile=$here/log4j2.properties"
else
  logging=reload4j log_config="-Dlog4j.configuration=file:$here/log4j.properties"
fi

folder() { echo "$data/node-$1"; }
client_port() { echo $((port + ($1 - 1) * 100)); }
controller_port() { echo $(($(client_port "$1") + 1)); }
all_nodes() { seq "$nodes"; }
chosen_nodes() { if [ -n "$only" ]; then echo "$only"; else all_nodes; fi; }

# The list "PREFIX HOST:PORT,..." of all nodes' controllers or clients.
voters() {
  local node list=""
  for node in $(all_nodes); do list+=",$node@127.0.0.1:$(controller_port "$node")"; done
  echo "${list#,}"
}
brokers() {
  local node list=""
  for node in $(all_nodes); do list+=",127.0.0.1:$(client_port "$node")"; done
  echo "${list#,}"
}

# The process of a node, or nothing. A number from the file may be another process by now, so its arguments decide.
pid_of() {
  local pid
  pid=$(cat "$(folder "$1")/pid" 2>/dev/null) || return 0
  tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | grep -qxF "$(folder "$1")/server.properties" && echo "$pid"
  return 0
}

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Sends ApiVersions 0 (api key 18, correlation 42) by Kafka's protocol: the answer is 42 and error code 0.
answers() {
  local reply
  reply=$(
    {
      exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 0
      printf '\0\0\0\12\0\22\0\0\0\0\0\52\377\377' >&3
      timeout 5 head -c 10 <&3 | od -An -tx1 -j4 | tr -d ' \n'
    } 2>/dev/null
  )
  [ "$reply" = 0000002a0000 ]
}

need_java() {
  command -v java >/dev/null || die "there is no java. Run deploy/setup.sh --kafka, which installs it (Kafka 4 needs Java 17)."
}

fetch() {
  [ -d "$jars" ] && return
  command -v mvn >/dev/null || die "Kafka $version is not in $jars and there is no mvn to fetch it. Run deploy/setup.sh --kafka."
  mkdir -p "$(dirname "$jars")"
  (
    flock 9
    [ -d "$jars" ] && exit
    echo "== fetching Kafka $version from Maven Central into $jars" >&2
    rm -rf "$jars.part"
    mvn -q -B -Dstyle.color=never -f "$here/pom.xml" -Dkafka.version="$version" -P"$logging" \
        dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$jars.part" >"$jars.log" 2>&1 || {
      grep -m 1 ERROR "$jars.log" >&2 || tail -n 15 "$jars.log" >&2
      rm -f "$jars.log"
      die "Maven could not fetch Kafka $version. Check that this release exists and that Maven reaches its repository (proxy settings: ~/.m2/settings.xml), then try again."
    }
    mv "$jars.part" "$jars"
    rm -f "$jars.log"
  ) 9>"$jars.lock"
}

# An archive of loaded classes, written at a broker's first orderly end, saves later starts a third of their time.
# It fits one Java only; another one ignores it.
class_archive() { echo "$jars-$(java -version 2>&1 | cksum | cut -d ' ' -f 1).jsa"; }

# Short-lived programs: the first compiler alone and one thread for garbage start them sooner.
java_tool() {
  local level=$1; shift
  java -XX:SharedArchiveFile="$(class_archive)" -Xlog:cds*=off -Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC \
      -XX:-UsePerfData -Dwatchword.level="$level" "$log_config" -cp "$jars/*" "$@"
}

write_properties() {
  local node=$1 copies=1 in_sync=1 line
  if [ "$nodes" -eq 3 ]; then copies=3 in_sync=2; fi
  cat <<END
process.roles=broker,controller
node.id=$node
controller.quorum.voters=$(voters)
listeners=PLAINTEXT://127.0.0.1:$(client_port "$node"),CONTROLLER://127.0.0.1:$(controller_port "$node")
advertised.listeners=PLAINTEXT://127.0.0.1:$(client_port "$node")
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs=$(folder "$node")/data
auto.create.topics.enable=false
default.replication.factor=$copies
min.insync.replicas=$in_sync
offsets.topic.replication.factor=$copies
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=$copies
transaction.state.log.min.isr=$in_sync
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=$copies
share.coordinator.state.topic.min.isr=$in_sync
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=1000
log.cleaner.dedupe.buffer.size=16777216
END
  for line in "${extra[@]}"; do echo "$line"; done
}

check_data() {
  [ -n "$only" ] && [ "$only" -gt "$nodes" ] && die "there is no node $only of $nodes."
  [ -z "$cluster_id" ] && return
  [ "$nodes" = "$data_nodes" ] ||
    die "$data was made for $data_nodes node(s). Leave out --nodes, take another --data, or remove that folder with its topics."
  [ "$version" = "$data_version" ] ||
    die "$data was made by Kafka $data_version. Leave out --version, take another --data, or remove that folder with its topics."
}

# Everything on disk that a start needs; the disk is formatted once.
prepare() {
  local node jobs=() job
  if [ -z "$cluster_id" ]; then
    # 128 random bits as Kafka writes them; a leading '-' would read as an option.
    until [[ $cluster_id =~ ^[A-Za-z0-9_][A-Za-z0-9_-]{21}$ ]]; do
      cluster_id=$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | cut -c 1-22)
    done
    echo "$cluster_id $nodes $version" >"$data/cluster"
  fi
  for node in $(chosen_nodes); do
    mkdir -p "$(folder "$node")"
    [ -n "$(pid_of "$node")" ] && continue
    write_properties "$node" >"$(folder "$node")/server.properties"
    [ -e "$(folder "$node")/data/meta.properties" ] && continue
    java_tool WARN kafka.tools.StorageTool format --ignore-formatted -t "$cluster_id" \
        -c "$(folder "$node")/server.properties" >"$(folder "$node")/format.log" 2>&1 &
    jobs+=("$!:$node")
  done
  for job in "${jobs[@]}"; do
    wait "${job%:*}" || {
      grep -vP '^\tat ' "$(folder "${job#*:}")/format.log" | tail -n 12 >&2
      die "Kafka could not format $(folder "${job#*:}")/data. Read the lines above; often the disk is full, or --set names a wrong setting."
    }
  done
}

launch() {
  local node=$1 log heap classes detach=()
  log=$(folder "$node")/kafka.log
  read -ra heap <<<"${KAFKA_HEAP_OPTS:--Xms256m -Xmx512m}"
  [ -e "$log" ] && mv "$log" "$log.1"
  : >"$log"
  classes=-XX:SharedArchiveFile=$(class_archive)
  [ -e "${classes#*=}" ] || classes=-XX:ArchiveClassesAtExit=$(folder "$node")/classes.jsa
  [ "$command" = start ] && detach=(setsid)
  # Of this script's open files none may live on in the broker: whoever waits for their end would wait for the broker's.
  (
    cd "$(folder "$node")"
    for fd in /proc/"$BASHPID"/fd/*; do
      fd=${fd##*/}
      [ "$fd" -gt 2 ] && eval "exec $fd>&-"
    done
    exec "${detach[@]}" java "${heap[@]}" -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:+ExplicitGCInvokesConcurrent \
        -XX:+ExitOnOutOfMemoryError -XX:-UsePerfData "$classes" -Xlog:cds*=off -Djava.awt.headless=true \
        -Dwatchword.level=INFO "$log_config" -cp "$jars/*" kafka.Kafka "$(folder "$node")/server.properties"
  ) </dev/null >>"$log" 2>&1 &
  echo "$!" >"$(folder "$node")/pid"
}

give_up() {
  local node=$1 why=$2 other; shift 2
  grep -vP '^\tat ' "$(folder "$node")/kafka.log" | tail -n 12 | cut -c 1-300 >&2
  for other in "$@"; do stop_node "$other" quickly; done
  die "node $node $why. The end of $(folder "$node")/kafka.log stands above; mend what its last ERROR names and start again."
}

# await_ready NODE...: those just launched.
await_ready() {
  local node limit_s=${WATCHWORD_KAFKA_START_S:-120} end_s
  end_s=$((SECONDS + limit_s))
  for node in "$@"; do
    until grep -q 'Kafka Server started' "$(folder "$node")/kafka.log" && answers "$(client_port "$node")"; do
      # The first moments are still this script's subshell, before exec.
      kill -0 "$(cat "$(folder "$node")/pid")" 2>/dev/null || give_up "$node" "ended at its start" "$@"
      [ "$SECONDS" -lt "$end_s" ] || give_up "$node" "did not answer within $limit_s s (WATCHWORD_KAFKA_START_S)" "$@"
      sleep 0.1
    done
  done
}

# A node that has a process answers, or is about to end (just killed): returns once it is clear which.
settle() {
  local end_s=$((SECONDS + ${WATCHWORD_KAFKA_START_S:-120}))
  while [ -n "$(pid_of "$1")" ] && ! answers "$(client_port "$1")"; do
    [ "$SECONDS" -lt "$end_s" ] ||
      die "node $1 runs as process $(pid_of "$1") but does not answer. Read $(folder "$1")/kafka.log, or stop it and start again."
    sleep 0.1
  done
}

start() {
  local node launched=() at
  need_java
  check_data
  fetch
  mkdir -p "$data"
  exec 9>"$data/lock"
  flock 9
  [ -z "$cluster_id" ] && [ -e "$data/cluster" ] && read -r cluster_id data_nodes data_version <"$data/cluster"
  check_data
  for node in $(chosen_nodes); do
    settle "$node"
    [ -n "$(pid_of "$node")" ] && continue
    launched+=("$node")
    for at in "$(client_port "$node")" "$(controller_port "$node")"; do
      listens "$at" && die "something else listens on 127.0.0.1:$at. Stop it, or choose another --port."
    done
  done
  if [ ${#launched[@]} -eq 0 ]; then
    echo "== Kafka $version is already running on $(brokers), its folder is $data"
    return
  fi
  prepare
  for node in "${launched[@]}"; do launch "$node"; done
  await_ready "${launched[@]}"
  flock -u 9
  echo "== Kafka $version is ready on $(brokers), output in $data/node-*/kafka.log"
}

# A killed node or a full disk leaves half an archive, which would crash every later start: kept is what a trial accepts.
keep_classes() {
  local archive
  archive=$(folder "$1")/classes.jsa
  [ -e "$archive" ] || return 0
  if (cd "$(folder "$1")" && java -Xshare:on -XX:SharedArchiveFile="$archive" -cp "$jars/*" -version) >/dev/null 2>&1; then
    mv -f "$archive" "$(class_archive)"
  else
    rm -f "$archive"
  fi
}

# One of three whose peers are gone: no controller is left that could approve of its end.
is_last() {
  local other
  [ "$nodes" -eq 3 ] || return 1
  for other in $(all_nodes); do
    if [ "$other" -ne "$1" ] && [ -n "$(pid_of "$other")" ]; then return 1; fi
  done
}

# stop_node NODE [quickly]: returns when its process is gone. Patience is 30 s, 3 s for what cannot or need not end in order.
stop_node() {
  local node=$1 pid patience=300
  pid=$(pid_of "$node")
  if [ -n "$pid" ]; then
    kill -TERM "$pid" 2>/dev/null || true
    while [ -n "$(pid_of "$node")" ]; do
      patience=$((patience - 1))
      if [ "${2:-}" = quickly ] || is_last "$node"; then patience=$((patience - 9)); fi
      if [ "$patience" -le 0 ]; then kill -KILL "$pid" 2>/dev/null || true; fi
      sleep 0.1
    done
    if [ "$patience" -le 0 ] && ! is_last "$node"; then echo "broker.sh: node $node did not end in order and was killed" >&2; fi
  fi
  rm -f "$(folder "$node")/pid"
  keep_classes "$node"
}

# All at once: one after the other, the last of three would always find no controller to let it go.
stop() {
  local node running=() pid
  for node in $(chosen_nodes); do
    pid=$(pid_of "$node")
    [ -z "$pid" ] && continue
    running+=("$node")
    kill -TERM "$pid" 2>/dev/null || true
  done
  for node in "${running[@]}"; do stop_node "$node"; done
  if [ ${#running[@]} -eq 0 ]; then
    echo "== no Kafka of $data was running"
  else
    echo "== Kafka $version stopped: node ${running[*]}"
  fi
}

status() {
  local node pid state bad=0
  echo "Kafka $version, cluster ${cluster_id:-not made yet}, folder $data"
  for node in $(all_nodes); do
    pid=$(pid_of "$node")
    if [ -z "$pid" ]; then
      state="not running"; bad=1
    elif answers "$(client_port "$node")"; then
      state="answers, process $pid"
    else
      state="does not answer, process $pid"; bad=1
    fi
    echo "node $node: $state, port $(client_port "$node"), controller $(controller_port "$node"), output $(folder "$node")/kafka.log"
  done
  return "$bad"
}

run() {
  local node logs=()
  for node in $(all_nodes); do
    [ -n "$(pid_of "$node")" ] && die "node $node of $data is already running; stop it first."
    logs+=("$(folder "$node")/kafka.log")
  done
  trap 'stop; exit 0' INT TERM
  start
  tail -q -n +1 -F --pid=$$ "${logs[@]}" 2>/dev/null &
  # A signal ends the wait; a node that ends by itself ends the run.
  wait -n
  stop
  die "a node ended by itself; read $data/node-*/kafka.log."
}

tool() {
  [ $# -gt 0 ] || misuse "tool needs a class, such as org.apache.kafka.tools.TopicCommand"
  need_java
  fetch
  java_tool WARN "$@"
}

"$command" "$@"
