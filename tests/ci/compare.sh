#!/usr/bin/env bash
# The programs `compare` and `stall` run and print what others read. What the figures are is no
# concern here: a machine that runs checks is no machine to measure on.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

rows=(spawn_local ping_pong timer_insert_drop task_bytes echo_1_ct)
output=$(cargo run --release -p benches --bin compare -- --quick "${rows[@]}")
printf '%s\n' "$output"

number='[0-9]+\.[0-9]+'
figures="unit [a-z_]+ ratio $number spread $number\$"
for row in "${rows[@]}" echo_1_cpu_ct echo_1_switches_ct; do
    line="^row $row ours $number tokio $number $figures"
    grep -Eq -- "$line" <<<"$output" || { echo "FAILED: no line of row $row"; exit 1; }
done
for row in echo_1_ct echo_1_cpu_ct echo_1_switches_ct; do
    grep -Eq -- "^peer $row floor $number $figures" <<<"$output" ||
        { echo "FAILED: no line of the floor of $row"; exit 1; }
done
{ read -r verdicts && read -r system && read -r last; } < <(tail -n 3 <<<"$output")
[[ $verdicts =~ ^verdicts\ ahead\ [0-9]+\ level\ [0-9]+\ behind\ [0-9]+(\ [a-z0-9_]+)*$ ]] ||
    { echo "FAILED: the verdicts are not told"; exit 1; }
[[ $system =~ ^geomean_system\ $number$ && $last =~ ^geomean\ $number\ worst\ [a-z0-9_]+\ $number$ ]] ||
    { echo "FAILED: the last lines are not the means"; exit 1; }
[[ $(wc -l <<<"$output") -eq $((${#rows[@]} + 8)) ]] || { echo "FAILED: unexpected lines"; exit 1; }

output=$(cargo run --release -p benches --bin stall -- none)
printf '%s\n' "$output"
for runtime in ours tokio; do
    line="^case none runtime $runtime p50 $number p99 $number p999 $number max $number\$"
    grep -Eq -- "$line" <<<"$output" || { echo "FAILED: no line of $runtime"; exit 1; }
done
