#!/usr/bin/env bash
# Build the Horovod wheel for the environment PYTHON (TensorFlow already installed) and install it.
#
#   envs/build_horovod.sh [PYTHON]            default: .venv/bin/python
#
# Horovod 0.28.1 has no wheel, and its sdist does not compile against TensorFlow 2.21 as it is: the
# XLA kernels (xla_mpi_ops.cc) include headers that TensorFlow no longer ships. One line of its
# CMakeLists.txt is removed; boostflow does not use the XLA kernels.
# The wheel is kept under $BOOSTFLOW_CACHE (default ~/.cache/boostflow), named after everything that
# it depends on, so it is built once for each combination of TensorFlow, Python and this script.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=${1:-$here/../.venv/bin/python}
python=$(cd "$(dirname "$python")" && pwd)/$(basename "$python") # the build changes folder
cache=${BOOSTFLOW_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/boostflow}

command -v "${CXX:-g++}" >/dev/null || {
    echo "build_horovod.sh: no C++ compiler (g++) found: install one, for example the package g++" >&2
    exit 1
}

bin=$("$python" -c 'import sysconfig; print(sysconfig.get_path("scripts"))')
tf=$("$python" -c 'from importlib.metadata import distributions as d
print(next(x.version for x in d() if x.name.lower().replace("_", "-") in ("tensorflow", "tensorflow-cpu")))')
tag=$("$python" -c 'import platform, sys; print(f"cp{sys.version_info[0]}{sys.version_info[1]}-{platform.machine()}")')
recipe=$(cat "${BASH_SOURCE[0]}" "$here/horovod.lock" | sha256sum | cut -c1-12)
store=$cache/horovod/tf$tf-$tag-$recipe

if ! ls "$store"/horovod-*.whl >/dev/null 2>&1; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    echo "building Horovod for TensorFlow $tf ($tag): about 2 minutes on 2 cores, log in $store.log"
    mkdir -p "$cache/horovod"
    {
        "$python" -m pip download --no-deps --no-binary :all: --no-build-isolation \
            --require-hashes --requirement "$here/horovod.lock" --dest "$work"
        tar -xzf "$work"/horovod-*.tar.gz -C "$work"
        cd "$work"/horovod-*/
        sed -i '/xla_mpi_ops\.cc/d' horovod/tensorflow/CMakeLists.txt
        # PATH: the environment's cmake; PYTHONPATH guards against a user's own TensorFlow.
        PATH=$bin:$PATH PYTHONPATH='' MAKEFLAGS=-j$(nproc) \
            HOROVOD_WITH_TENSORFLOW=1 HOROVOD_WITHOUT_PYTORCH=1 HOROVOD_WITHOUT_MXNET=1 \
            HOROVOD_WITH_GLOO=1 HOROVOD_WITHOUT_MPI=1 \
            "$python" -m pip wheel --no-deps --no-build-isolation --wheel-dir "$work/wheel" .
    } >"$store.log" 2>&1 || {
        tail -n 30 "$store.log" >&2
        echo "build_horovod.sh: the build failed; the whole log is $store.log" >&2
        exit 1
    }
    mkdir -p "$work/store" && mv "$work"/wheel/horovod-*.whl "$work/store/"
    # A rename within one file system is atomic; two builds at once both end with a whole wheel.
    mkdir -p "$store" && cp "$work"/store/*.whl "$store/.part" && \
        mv "$store/.part" "$store/$(basename "$work"/store/*.whl)"
fi
"$python" -m pip install --quiet --no-deps --no-index "$store"/horovod-*.whl
"$python" -c 'import importlib.metadata as m; print("Horovod", m.version("horovod"), "installed")'
