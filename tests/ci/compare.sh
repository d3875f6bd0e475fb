#!/usr/bin/env bash
# The program `compare` runs and prints what others read. What the figures are is no concern here:
# a machine that runs checks is no machine to measure on.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

rows=(spawn_local ping_pong timer_insert_drop task_bytes echo_1_ct)
output=$(cargo run --release -p benches --bin compare -- --quick "${rows[@]}")
printf '%s\n' "$output"

number='[0-9]+\.[0-9]+'
for row in "${rows[@]}"; do
    line="^row $row ours $number tokio $number unit [a-z_]+ ratio $number spread $number\$"
    grep -Eq -- "$line" <<<"$output" || { echo "FAILED: no line of row $row"; exit 1; }
done
last=$(tail -n 1 <<<"$output")
grep -Eq "^geomean $number worst [a-z0-9_]+ $number\$" <<<"$last" ||
    { echo "FAILED: the last line is not the mean"; exit 1; }
[[ $(wc -l <<<"$output") -eq $((${#rows[@]} + 1)) ]] || { echo "FAILED: unexpected lines"; exit 1; }
