#!/usr/bin/env bash
# The tax of one pair of models: examples/measure_pair.sh BASE INSTRUCT OUT [more lm_eval options]
#
#   examples/measure_pair.sh Qwen/Qwen2.5-Coder-7B Qwen/Qwen2.5-Coder-7B-Instruct out --model vllm
#
# TASKS=itax_hand tries it on the embedded problems.
set -eu
base=$1 instruct=$2 out=$3
shift 3
for side in base instruct; do
  lm_eval --model hf "$@" --model_args "pretrained=${!side}" --tasks "${TASKS:-itax_fim}" \
    --confirm_run_unsafe_code --output_path "$out/lm_eval/$side" --log_samples
  itax score "$out/lm_eval/$side" --out "$out/$side"
done
itax compare "$out/base" "$out/instruct" --out "$out/comparison.json"
