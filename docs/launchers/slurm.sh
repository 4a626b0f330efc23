#!/bin/bash
# One stage on several machines of a Slurm cluster, a process a GPU. Submit it in the working copy, which all
# machines have to see:
#
#   sbatch --nodes 2 --gpus-per-node 8 docs/launchers/slurm.sh train_teacher
#
# The environment is that of the shell that submits: activate it before. See docs/cluster.md.
#SBATCH --job-name=wsdkd
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=64
#SBATCH --time=24:00:00
set -euo pipefail

stage="${1:?name a stage: train_teacher, cache_teacher, train_baseline, distill_features, distill_predictions, evaluate}"
test -f "stages/$stage.py" || {
  echo "error: stages/$stage.py: no such stage in $PWD; submit this in the working copy" >&2
  exit 2
}
read -r first < <(scontrol show hostnames "$SLURM_JOB_NODELIST")

# Slurm starts torchrun once a machine, and torchrun a process a GPU; where there is none, one process.
srun --kill-on-bad-exit=1 torchrun \
  --nnodes "$SLURM_JOB_NUM_NODES" --nproc-per-node "${SLURM_GPUS_ON_NODE:-1}" \
  --rdzv-backend c10d --rdzv-endpoint "$first:29500" --rdzv-id "$SLURM_JOB_ID" \
  -m "stages.$stage"

# DVC takes what was written as the result of this stage.
dvc commit --force "$stage"
