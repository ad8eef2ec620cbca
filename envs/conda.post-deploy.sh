#!/usr/bin/env bash
# Snakemake runs this once, in its working directory, after it has made the conda environment.
set -euo pipefail
test -f envs/cpu.lock || { echo "start snakemake in the boostflow repository" >&2; exit 1; }
"$CONDA_PREFIX/bin/python" -m pip install --require-hashes --no-deps -r envs/cpu.lock
envs/build_horovod.sh "$CONDA_PREFIX/bin/python"
"$CONDA_PREFIX/bin/python" -m pip install --no-deps --no-build-isolation --editable .
