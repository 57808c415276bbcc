#!/usr/bin/env bash
# Installs what Watchword needs to build, test and run on Debian 12, by apt: only what is missing.
# Usage: deploy/setup.sh [--lint] [--fuzz] [--kafka] [--check]
#   --lint   also Node.js and npm, for linting the API descriptions (a newer node outside apt will do)
#   --fuzz   also clang with libFuzzer, for tests/fuzz
#   --kafka  also Java, Maven and kcat, for deploy/kafka/broker.sh and the tests on it (a Java or Maven outside apt will do)
#   --check  installs nothing; exit 1 and the list if something is missing
set -euo pipefail

packages=(
  g++ cmake ninja-build ccache mold pkg-config
  protobuf-compiler libprotobuf-dev libprotozero-dev
  librocksdb-dev librdkafka-dev libssl-dev
  libboost1.81-dev libboost-json1.81-dev libboost-url1.81-dev
  prometheus-cpp-dev libspdlog-dev libfmt-dev libcli11-dev libtomlplusplus-dev
  libzstd-dev zlib1g-dev libcctz-dev libisal-dev libxxhash-dev
  libgtest-dev libgmock-dev libbenchmark-dev
  python3 e2fsprogs strace faketime nginx-light haproxy curl jq openssl ca-certificates tzdata
)

lint=no
fuzz=no
kafka=no
check=no
for argument in "$@"; do
  case "$argument" in
    --lint) lint=yes ;;
    --fuzz) fuzz=yes ;;
    --kafka) kafka=yes ;;
    --check) check=yes ;;
    -h|--help) sed -n '2,7s/^# //p' "$0"; exit 0 ;;
    *) echo "setup.sh: '$argument' is no option; see deploy/setup.sh --help" >&2; exit 2 ;;
  esac
done

die() {
  echo "setup.sh: $*" >&2
  exit 1
}

# A machine may have node or npm from elsewhere; apt's would clash with it.
if [ "$lint" = yes ]; then
  command -v node >/dev/null || packages+=(nodejs)
  command -v npm >/dev/null || packages+=(npm)
fi
# 22 comes with Debian's security updates, 19 with Debian 12 itself.
if [ "$fuzz" = yes ]; then
  clang=19
  if command -v clang++-22 >/dev/null || apt-cache show clang-22 >/dev/null 2>&1; then clang=22; fi
  packages+=("clang-$clang" "libclang-rt-$clang-dev" "llvm-$clang")
fi
if [ "$kafka" = yes ]; then
  command -v java >/dev/null || packages+=(default-jre-headless)
  command -v mvn >/dev/null || packages+=(maven)
  packages+=(kcat)
fi

command -v dpkg-query >/dev/null ||
  die "this is not Debian (no dpkg-query). Install the packages named in deploy/setup.sh yourself, then run deploy/build.sh."

is_installed() {
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing=()
for package in "${packages[@]}"; do
  is_installed "$package" || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "== setup: all ${#packages[@]} packages are there"
  exit 0
fi
if [ "$check" = yes ]; then
  echo "setup.sh: missing: ${missing[*]}" >&2
  exit 1
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null ||
    die "needs root to install ${missing[*]}. Run it as root, or install sudo."
  as_root=(sudo)
fi
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 -qq)

echo "== setup: installing ${#missing[@]} of ${#packages[@]} packages: ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
"${apt[@]}" update >"$log" 2>&1 || {
  cat "$log" >&2
  die "apt-get update failed. Check the network and /etc/apt/sources.list, then run deploy/setup.sh again."
}
# The proxies must not start by themselves: only the demo and tests use them, with configurations of their own.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ] && [[ " ${missing[*]} " =~ " "(nginx-light|haproxy)" " ]]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
  trap 'rm -f "$log"; "${as_root[@]}" rm -f "$policy"' EXIT
fi
"${apt[@]}" install -y --no-install-recommends "${missing[@]}" >"$log" 2>&1 || {
  tail -30 "$log" >&2
  die "apt-get could not install the packages above. Debian 12 (bookworm) has all of them in 'main'; on another release install them by their names there."
}
for package in "${missing[@]}"; do
  is_installed "$package" || die "$package is still not installed. Run 'apt-get install $package' and read what it says."
done
echo "== setup: done"
