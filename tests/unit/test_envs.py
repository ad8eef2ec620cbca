"""The environments: two locks of one list, recipes of images with the same steps."""

from __future__ import annotations

import ast
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml

from boostflow.provenance import PACKAGES, versions

CUDA_BUILDS = {"tensorflow-cpu": "tensorflow", "xgboost-cpu": "xgboost"}


def lock(repository: Path, name: str) -> dict[str, list[str]]:
    """Versions (with markers; one for each Python that needs its own) of a lock."""
    text = (repository / "envs" / f"{name}.lock").read_text()
    found: dict[str, list[str]] = {}
    for package, version in re.findall(r"^([a-z0-9._-]+)==(.*?) \\$", text, re.MULTILINE):
        found.setdefault(package, []).append(version)
    assert sum(map(len, found.values())) == len(re.findall(r"^\S.*?==", text, re.MULTILINE))
    return found


def test_locks_differ_in_the_gpu_packages_alone(repository):
    cpu, gpu = lock(repository, "cpu"), lock(repository, "gpu")
    assert len(cpu) > 150
    expected = {CUDA_BUILDS.get(name, name): version for name, version in cpu.items()}
    cuda = {name for name in gpu if re.fullmatch(r"nvidia-.*-cu12", name)}
    assert {name: v for name, v in gpu.items() if name not in cuda} == expected
    assert {"nvidia-nccl-cu12", "nvidia-cudnn-cu12", "nvidia-cuda-runtime-cu12"} <= cuda
    assert not [name for name in cpu if name.startswith("nvidia-")]


@pytest.mark.parametrize("name", ["bootstrap", "cpu", "gpu", "horovod", "htcondor", "nvcc"])
def test_locks_have_hashes_and_no_address(repository, name):
    text = (repository / "envs" / f"{name}.lock").read_text()
    assert "://" not in text and "index-url" not in text
    for entry in re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]:
        assert "--hash=sha256:" in entry, entry


def test_locks_install_each_other(repository):
    assert lock(repository, "bootstrap")["uv"] == lock(repository, "cpu")["uv"]


def test_the_plugin_of_a_pool_goes_with_the_lock(repository):
    cpu, more = lock(repository, "cpu"), lock(repository, "htcondor")
    apart = {"htcondor", "snakemake-executor-plugin-htcondor"}
    assert not apart & cpu.keys()
    assert {name: v for name, v in more.items() if name not in apart}.items() <= cpu.items()


def listed(repository: Path) -> set[str]:
    """Distributions that the lists of the environments name; Horovod has a lock alone."""
    lists = [*(repository / "envs").glob("*.in"), repository / "envs/horovod.lock"]
    text = "\n".join(path.read_text() for path in lists)
    return {canonical(name) for name in re.findall(r"^[A-Za-z0-9][\w.-]*", text, re.MULTILINE)}


def canonical(name: str) -> str:
    """The name of a distribution, less the mark of its CPU build."""
    return re.sub(r"[-_.]+", "-", name.lower()).removesuffix("-cpu")


def imported(source: str) -> set[str]:
    """Packages that the text of a module imports, those beside it left out."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module)
    return {name.partition(".")[0] for name in found}


def test_what_is_imported_is_listed(repository):
    """What is there because another package wants it may be gone with the next version of that."""
    workflow = repository / "workflow"
    lines = [
        f"{line.strip()}\n"
        for path in [workflow / "Snakefile", *workflow.rglob("*.smk")]
        for line in path.read_text().splitlines()
        if re.match(r"\s*(import|from) [\w.]+( import \w.*)?$", line)
    ]
    packages = imported("".join(lines))
    for path in workflow.rglob("*.py"):
        packages |= imported(path.read_text())
    assert {"snakemake", "jinja2", "numpy"} <= packages
    known, names = packages_distributions(), listed(repository)
    missing = {
        package
        for package in packages - sys.stdlib_module_names - {"boostflow"}
        if not {canonical(name) for name in known.get(package, [package])} & names
    }
    assert not missing, f"envs/common.in does not name {sorted(missing)}"


def test_conda_brings_what_no_lock_holds(repository):
    text = (repository / "envs/conda.yaml").read_text()
    names = {re.split(r"[=<> ]", entry)[0] for entry in yaml.safe_load(text)["dependencies"]}
    assert names == {"python", "pip", "cxx-compiler", "make", "openmpi"}
    assert names & lock(repository, "gpu").keys() <= {"pip"}  # installs the first lock


def test_conda_environments_are_made_again_for_other_locks(repository):
    """Snakemake's key of a conda environment is the content of this file."""
    locks = [(repository / "envs" / f"{name}.lock").read_bytes() for name in ("cpu", "gpu")]
    digest = hashlib.sha256(b"".join(locks)).hexdigest()[:16]
    assert f"# locks: {digest}\n" in (repository / "envs/conda.yaml").read_text()


def test_image_recipes_have_the_same_steps(repository):
    docker = (repository / "envs/Dockerfile").read_text()
    apptainer = (repository / "envs/apptainer.def").read_text()
    base = re.search(r"^FROM (.*)$", docker, re.MULTILINE)[1]
    assert f"\nFrom: {base}\n" in apptainer
    sections = dict(re.findall(r"^%(\w+)\n((?:    .*\n)+)", apptainer, re.MULTILINE))
    post = [line.strip() for line in sections["post"].splitlines()]
    preamble = ["GPU={{ GPU }}", "export LC_ALL=C.UTF-8", "cd /opt/boostflow"]
    assert post == preamble + re.findall(r"^RUN (.*)$", docker, re.MULTILINE)
    copied = [
        name
        for names in re.findall(r"^COPY (.*) \S+$", docker, re.MULTILINE)
        for name in names.split()
    ]
    assert [line.split()[0] for line in sections["files"].splitlines()] == copied
    assert all((repository / name).exists() for name in copied)
    for name, value in re.findall(r"^ENV (\w+)=(.*)$", docker, re.MULTILINE):
        assert f"    export {name}={value}\n" in sections["environment"]
    assert re.findall(r"^ARG (.*)$", docker, re.MULTILINE) == [sections["arguments"].strip()]


@pytest.mark.parametrize(
    ("is_now", "arguments", "lock"),
    [
        (None, "env", "cpu"),
        (None, "env GPU=1", "gpu"),
        (None, "lint", "cpu"),
        ("gpu", "lint", "gpu"),
        ("gpu", "lint GPU=0", "cpu"),
        ("gpu", "env", "cpu"),
        ("cpu", "lint GPU=1", "gpu"),
        ("cpu", "GPU=1 make lint", "cpu"),  # exported by the shell: it may be a device's number
        ("cpu", "GPU=1 make env", "gpu"),
    ],
)
def test_make_env_decides_and_other_targets_keep(repository, tmp_path, is_now, arguments, lock):
    venv = tmp_path / "venv"
    if is_now:
        venv.mkdir()
        (venv / ".flavour").write_text(is_now)
    exported, _, goals = arguments.rpartition(" make ")
    done = subprocess.run(
        ["env", *exported.split(), "make", "--dry-run", f"VENV={venv}", *goals.split()],
        cwd=repository,
        env={k: v for k, v in os.environ.items() if k not in ("GPU", "MAKEFLAGS", "MAKELEVEL")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"envs/make_env.sh {lock} " in done.stdout


@pytest.mark.parametrize(("place", "again"), [(None, False), ("here", False), ("/elsewhere", True)])
def test_an_environment_that_was_moved_is_made_again(repository, tmp_path, place, again):
    (tmp_path / ".flavour").write_text("cpu")
    (tmp_path / ".ready-cpu").touch()
    if place:
        (tmp_path / ".place").write_text(str(repository) if place == "here" else place)
    done = subprocess.run(
        ["make", "--dry-run", "env", f"VENV={tmp_path}"],
        cwd=repository,
        env={k: v for k, v in os.environ.items() if k not in ("GPU", "MAKEFLAGS", "MAKELEVEL")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ("envs/make_env.sh" in done.stdout) == again


def make_env(repository, folder, **variables) -> subprocess.CompletedProcess:
    """What making an environment prints; variables whose value is None are not set."""
    given = os.environ | {"PYTHON": "", "XDG_CACHE_HOME": str(folder)} | variables
    return subprocess.run(
        [repository / "envs/make_env.sh", "cpu", folder / "venv"],
        env={name: value for name, value in given.items() if value is not None},
        capture_output=True,
        text=True,
        check=False,
    )


def program(path: Path, says: str, code: int = 0) -> Path:
    """A Python that says what version it is, and does nothing."""
    path.write_text(f"#!/bin/sh\necho {says}\nexit {code}\n")
    path.chmod(0o755)
    return path


def without_pythons(folder: Path) -> str:
    """A PATH with what the script needs but no Python."""
    for name in ("bash", "dirname", "env", "g++", "head", "mkdir", "cat"):
        (folder / name).symlink_to(shutil.which(name))
    return str(folder)


def test_make_env_takes_the_pythons_of_the_project(repository):
    text = (repository / "envs/make_env.sh").read_text()
    versions = re.search(r'^VERSIONS="(.*?)"', text, re.MULTILINE)[1].split()
    supported = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    minors = [int(version.removeprefix("3.")) for version in versions]
    assert minors == sorted(minors, reverse=True)
    assert supported["requires-python"] == f">=3.{minors[-1]},<3.{minors[0] + 1}"


def test_what_make_env_lacks_is_one_line(repository, tmp_path):
    def says(words: str, **variables: str | None) -> None:
        done = make_env(repository, tmp_path, **variables)
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert re.search(words, done.stderr), done.stderr
        assert not (tmp_path / "venv").exists()

    old = program(tmp_path / "old", "3.10")
    bare = program(tmp_path / "python3.12", "3.12", code=1)
    headless = program(tmp_path / "python3.13", "3.13")
    says("PYTHON: there is no /no/python", PYTHON="/no/python")
    says(r"PYTHON: .*/old is 3.10, boostflow needs one of 3.13, 3.12, 3.11", PYTHON=str(old))
    says("python3.12 cannot make virtual .* python3.12-venv", PYTHON=str(bare))
    says("python3.13 has no headers .* python3.13-dev", PYTHON=str(headless))
    says("no C.. compiler", CXX="/no/compiler")
    says("no headers of the C and C.. libraries", CXX="false")
    says("cannot write to /dev/null/.*XDG_CACHE_HOME", XDG_CACHE_HOME="/dev/null/cache")
    few = tmp_path / "few"
    few.mkdir()
    path = without_pythons(few)
    says("found no Python of 3.13, 3.12, 3.11: .uv python install 3.13", PATH=path, HOME="/none")
    (few / "python3.12").symlink_to(bare)
    says("python3.12 cannot make virtual environments", PATH=path, HOME="/none")


def test_versions_name_the_builds_that_are_here():
    found = versions([*PACKAGES, "no-such-package"])
    assert ("tensorflow" in found) != ("tensorflow-cpu" in found)
    assert ("xgboost" in found) != ("xgboost-cpu" in found)
    assert "no-such-package" not in found
