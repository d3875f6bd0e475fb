#!/usr/bin/env bash
# The examples build, and do what they say: `web` and `echo` serve clients in other processes, and
# Ctrl-C ends them.
set -euo pipefail
set -m # Each program has a process group of its own, as in a terminal.
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

log=$(mktemp)
body=$(mktemp)
server=
cleanup() {
    [[ -z $server ]] || kill -KILL "$server" 2>/dev/null || true
    rm -f "$log" "$body"
}
trap cleanup EXIT

fail() {
    echo "FAILED: $*"
    echo "-- what the server said:"
    cat "$log"
    exit 1
}

# Whoever started this script may ignore SIGINT, and a child would inherit that.
start=()
if env --default-signal=INT true 2>/dev/null; then
    start=(env --default-signal=INT)
fi

# serve EXAMPLE [ARGUMENT...]: starts it and waits for its first line, which ends in its address.
serve() {
    : >"$log"
    ${start[@]+"${start[@]}"} cargo run --release --quiet --example "$@" >"$log" 2>&1 &
    server=$!
    for ((tries = 0; tries < 600; tries++)); do
        address=$(grep -Eo '([0-9]+\.){3}[0-9]+:[0-9]+' "$log" | head -n 1) || true
        [[ -z $address ]] || return 0
        kill -0 "$server" 2>/dev/null || fail "$1 did not start"
        sleep 0.1
    done
    fail "$1 does not say where it listens"
}

# interrupt EXAMPLE: Ctrl-C must end it, and leave nothing behind.
interrupt() {
    kill -INT "$server"
    for ((tries = 0; tries < 100; tries++)); do
        if ! kill -0 "$server" 2>/dev/null; then
            wait "$server" 2>/dev/null || true
            server=
            echo "ok  $1 ended by SIGINT"
            return 0
        fi
        sleep 0.1
    done
    fail "$1 is still there 10 s after SIGINT"
}

# get PATH STATUS PATTERN: one request.
get() {
    local status
    status=$(curl --silent --show-error --max-time 20 --output "$body" --write-out '%{http_code}' \
        "http://$address$1") || fail "web: no answer to $1"
    [[ $status == "$2" ]] || fail "web: $1 gives status $status, not $2"
    grep -q -- "$3" "$body" || fail "web: $1 answers without '$3': $(cat "$body")"
    echo "ok  web $1 $status"
}

cargo build --release --examples

serve web 127.0.0.1:0
get / 200 '<h1>'
get /sleep/20 200 'slept for'
get /work 200 '^5050$'
get /block/5 200 'blocked a thread'
get /sleep/never 400 'milliseconds'
get /nothing 404 'no such page'
for _ in 1 2 3 4; do
    curl --silent --fail --max-time 20 --output /dev/null "http://$address/work?[1-50]" &
    clients+=("$!")
done
for client in "${clients[@]}"; do
    wait "$client" || fail "web: a client got no answer among others"
done
echo "ok  web /work, 200 requests of 4 clients"
interrupt web

serve echo 127.0.0.1:0
exec 3<>"/dev/tcp/${address%:*}/${address##*:}"
for line in first 'second, longer' ''; do
    printf '%s\n' "$line" >&3
    IFS= read -r -t 20 answer <&3 || fail "echo: no answer"
    [[ $answer == "$line" ]] || fail "echo: '$answer' came back for '$line'"
done
exec 3>&-
echo "ok  echo 3 lines"
interrupt echo
