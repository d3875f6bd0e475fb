#!/usr/bin/env bash
# The short ways through the runtime take fewer instructions than Tokio's. Counts by callgrind repeat
# within a few percent on a busy machine too, so this can be a check where timings cannot.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if ! command -v valgrind >/dev/null; then
    echo "SKIPPED: there is no valgrind"
    exit 0
fi
output=$(cargo run --release -p benches --bin instructions)
printf '%s\n' "$output"

line='^instructions [a-z_]+ (ct|mt) ours [0-9]+ tokio [0-9]+ ratio [0-9]+\.[0-9]+$'
[[ $(grep -Ec -- "$line" <<<"$output") -eq 16 ]] || { echo "FAILED: other lines than expected"; exit 1; }
# Callgrind counts all threads, the watchdog's among them, and that one goes by the clock. `wake mt`
# stands at 0.96 to 1.03, so a little more than 1 is no alarm.
lost=$(awk '$NF > 1.1' <<<"$output")
[[ -z $lost ]] || { echo "FAILED: more instructions than Tokio"; exit 1; }
