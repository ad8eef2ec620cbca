#!/usr/bin/env bash
# Snakemake runs this once, in its working directory, after it has made the conda environment.
# GPU=1: the GPU lock. HOROVOD_WITH_MPI=1: Horovod with the environment's MPI.
set -euo pipefail
lock=envs/$([ "${GPU:-}" = 1 ] && echo gpu || echo cpu).lock
test -f "$lock" || { echo "start snakemake in the boostflow repository" >&2; exit 1; }
python=$CONDA_PREFIX/bin/python
"$python" -m pip install --require-hashes --no-deps -r envs/bootstrap.lock
"$python" -m uv pip install --compile-bytecode --python "$python" --no-deps --require-hashes -r "$lock"
envs/build_horovod.sh "$python"
"$python" -m pip install --no-deps --no-build-isolation --editable .
