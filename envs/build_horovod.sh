#!/usr/bin/env bash
# Build the Horovod wheel for the environment PYTHON (TensorFlow already installed) and install it.
#
#   envs/build_horovod.sh [PYTHON]            default: .venv/bin/python
#   envs/build_horovod.sh check               only says what is missing for that, if anything is
#
#   HOROVOD_CUDA_HOME=/usr/local/cuda   GPU: a CUDA toolkit in the place of the locked nvcc
#   HOROVOD_WITH_MPI=1                  with the MPI that mpicxx is of, beside Gloo
#
# Where the environment has NCCL (gpu.lock), Horovod gets it for tensors on GPUs.
#
# Horovod 0.28.1 has no wheel, and its sdist does not work with TensorFlow 2.21 as it is:
# * The XLA kernels (xla_mpi_ops.cc) include headers that TensorFlow no longer ships. The line of
#   CMakeLists.txt that names them is removed; boostflow does not use them.
# * GPU: AsGpuStreamValue is no longer in TensorFlow's libraries, which only `import` would tell.
#   The stream itself has the handle (platform_specific_handle).
# * Libraries are found beside the package, wherever it is installed.
# * g++ 14 no longer includes <stdexcept> and <string> on the way, and refuses to assign to a
#   constant member in flatbuffers.
# * CMake splits the compiler's flags at blanks: an environment whose path has one is built through
#   a link.
# The wheel is kept under $BOOSTFLOW_CACHE (default ~/.cache/boostflow), named after everything that
# it depends on, so it is built once for each combination.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
fail() {
    echo "build_horovod.sh: $1" >&2
    exit 1
}

command -v "${CXX:-g++}" >/dev/null || fail \
    "no C++ compiler (g++) found: install one, for example the package g++"
echo '#include <string>
#include <unistd.h>' | "${CXX:-g++}" -x c++ -fsyntax-only - 2>/dev/null || fail \
    "${CXX:-g++} finds no headers of the C and C++ libraries: install them, for example the package g++"
[ "${1:-}" != check ] || exit 0

python=${1:-$here/../.venv/bin/python}
python=$(cd "$(dirname "$python")" && pwd)/$(basename "$python") # the build changes folder
cache=${BOOSTFLOW_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/boostflow}

bin=$("$python" -c 'import sysconfig; print(sysconfig.get_path("scripts"))')
tf=$("$python" -c 'from importlib.metadata import distributions as d
print(next(x.version for x in d() if x.name.lower().replace("_", "-") in ("tensorflow", "tensorflow-cpu")))')
tag=$("$python" -c 'import platform, sys; print(f"cp{sys.version_info[0]}{sys.version_info[1]}-{platform.machine()}")')
nccl=$("$python" -c 'from importlib.metadata import distributions as d
print(*(f"{x.version} {x.locate_file('"'nvidia/nccl'"')}" for x in d() if x.name == "nvidia-nccl-cu12"))')
kind=cpu
if [ "$nccl" ]; then
    toolkit=nvcc.lock
    if [ "${HOROVOD_CUDA_HOME:-}" ]; then
        toolkit=$("$HOROVOD_CUDA_HOME/bin/nvcc" --version | sed -n 's/.*release \([0-9.]*\).*/cuda\1/p') ||
            fail "HOROVOD_CUDA_HOME: no nvcc in $HOROVOD_CUDA_HOME/bin"
    fi
    kind=gpu-nccl${nccl%% *}-$toolkit
fi
if [ "${HOROVOD_WITH_MPI:-}" = 1 ]; then
    command -v mpicxx >/dev/null || fail "HOROVOD_WITH_MPI=1, but there is no mpicxx on PATH"
    kind=$kind-mpi$(mpicxx -show | sha256sum | cut -c1-8)
fi
recipe=$(cat "${BASH_SOURCE[0]}" "$here/horovod.lock" "$here/nvcc.lock" | sha256sum | cut -c1-12)
store=$cache/horovod/tf$tf-$kind-$tag-$recipe

cuda_options() { # what Horovod's CMake files read, and the libraries under the names they look for
    local cuda=${HOROVOD_CUDA_HOME:-$work/cuda/nvidia/cu13}
    if [ "$cuda" = "$work/cuda/nvidia/cu13" ]; then
        "$python" -m pip install --no-deps --require-hashes --requirement "$here/nvcc.lock" \
            --target "$work/cuda"
        ln -s libcudart.so.13 "$cuda/lib/libcudart.so"
        ln -s lib "$cuda/lib64"
    fi
    mkdir "$work/nccl"
    ln -s "${nccl#* }/lib/libnccl.so.2" "$work/nccl/libnccl.so"
    export PATH=$cuda/bin:$PATH CUDACXX=$cuda/bin/nvcc HOROVOD_CUDA_HOME=$cuda CUDAToolkit_ROOT=$cuda \
        HOROVOD_GPU=CUDA HOROVOD_GPU_OPERATIONS=NCCL HOROVOD_NCCL_LINK=SHARED \
        HOROVOD_NCCL_INCLUDE="${nccl#* }/include" HOROVOD_NCCL_LIB="$work/nccl"
}

patch_sources() {
    sed -i 's/^#include <string>$/#include <stdexcept>\n&/' horovod/common/common.h
    sed -i 's/^#include <queue>$/&\n#include <string>/' horovod/common/group_table.h
    sed -i 's/^  const size_type count_;$/  size_type count_;/' \
        third_party/flatbuffers/include/flatbuffers/stl_emulation.h
    sed -i '/xla_mpi_ops\.cc/d' horovod/tensorflow/CMakeLists.txt
    sed -i '/^GpuStreamHandle AsGpuStreamValue(Stream\* stream);$/d
/^#include "tensorflow\/compiler\/xla\/stream_executor\/stream.h"$/a \
namespace stream_executor::gpu {\
inline GpuStreamHandle AsGpuStreamValue(Stream* stream) {\
  return static_cast<GpuStreamHandle>(stream->platform_specific_handle().stream);\
}\
} // namespace stream_executor::gpu' horovod/tensorflow/mpi_ops.cc
    sed -i '/^project(horovod/a \
set(CMAKE_BUILD_WITH_INSTALL_RPATH ON)\
set(CMAKE_INSTALL_RPATH "$ORIGIN/../../tensorflow:$ORIGIN/../../nvidia/nccl/lib")' CMakeLists.txt
}

if ! ls "$store"/horovod-*.whl >/dev/null 2>&1; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    echo "building Horovod for TensorFlow $tf ($kind, $tag): about 2 minutes on 2 cores, log in $store.log"
    mkdir -p "$cache/horovod"
    builder=$python
    if [[ "$python" == *[[:space:]]* ]]; then
        ln -s "$(dirname "$(dirname "$python")")" "$work/env"
        builder=$work/env/bin/$(basename "$python") bin=$work/env/bin
    fi
    set +e
    ( # not on the left of ||, where set -e would mean nothing
        set -e
        "$python" -m pip download --no-deps --no-binary :all: --no-build-isolation \
            --require-hashes --requirement "$here/horovod.lock" --dest "$work"
        tar -xzf "$work"/horovod-*.tar.gz -C "$work"
        cd "$work"/horovod-*/
        patch_sources
        if [ "$nccl" ]; then cuda_options; fi
        if [ "${HOROVOD_WITH_MPI:-}" != 1 ]; then export HOROVOD_WITHOUT_MPI=1; fi
        # PATH: the environment's cmake; PYTHONPATH guards against a user's own TensorFlow.
        PATH=$bin:$PATH PYTHONPATH='' MAKEFLAGS=-j$(nproc) \
            HOROVOD_WITH_TENSORFLOW=1 HOROVOD_WITHOUT_PYTORCH=1 HOROVOD_WITHOUT_MXNET=1 \
            HOROVOD_WITH_GLOO=1 \
            "$builder" -m pip wheel --no-deps --no-build-isolation --wheel-dir "$work/wheel" .
    ) >"$store.log" 2>&1
    status=$?
    set -e
    if [ $status -ne 0 ]; then
        tail -n 30 "$store.log" >&2
        fail "the build failed; the whole log is $store.log"
    fi
    mkdir -p "$work/store" && mv "$work"/wheel/horovod-*.whl "$work/store/"
    # A rename within one file system is atomic; two builds at once both end with a whole wheel.
    mkdir -p "$store" && cp "$work"/store/*.whl "$store/.part.$$" && \
        mv "$store/.part.$$" "$store/$(basename "$work"/store/*.whl)"
fi
# By force: another build of the same version may be there.
"$python" -m pip install --quiet --force-reinstall --no-deps --no-index "$store"/horovod-*.whl
"$python" -c 'import importlib.metadata as m; print("Horovod", m.version("horovod"), "installed")'
