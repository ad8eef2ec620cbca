"""Carry out envs/Dockerfile in a chroot, where there is no Docker engine (root; not in CI).

    debootstrap --variant=minbase bookworm ROOT
    python tests/support/recipe.py ROOT [GPU=1] [--copy /etc/pip.conf ...]

ARG, ENV, WORKDIR, COPY and RUN do what they would; FROM is ROOT. `--copy` takes a file or folder of
this machine to the same place in ROOT first: what the network here needs, a cache of packages.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
IN_ROOT = (
    'mount --bind /dev "$0/dev" && mount -t proc proc "$0/proc"'
    ' && exec chroot "$0" /bin/sh -ec "cd $1; $2"'
)
PASSED = ("PIP_", "UV_", "SSL_CERT_FILE", "http_proxy", "https_proxy")


def copy(source: Path, target: Path) -> None:
    """A file or a folder; what git ignores is left out of folders."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        leave = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True, ignore=leave)
    else:
        shutil.copy2(source, target)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("arguments", nargs="*", help="build arguments, NAME=VALUE")
    parser.add_argument("--copy", type=Path, nargs="+", default=[])
    args = parser.parse_args()
    root = args.root.resolve()
    for path in (Path("/etc/resolv.conf"), *args.copy):
        copy(path, root / str(path).lstrip("/"))
    given = dict(a.split("=", 1) for a in args.arguments)
    environment = {k: v for k, v in os.environ.items() if k.startswith(PASSED)}
    environment |= {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
    environment |= {"HOME": "/root"}
    folder = "/"
    for line in (REPOSITORY / "envs/Dockerfile").read_text().splitlines():
        word, _, rest = line.partition(" ")
        if word == "ARG":
            name, value = rest.split("=", 1)
            environment[name] = given.pop(name, value)
        elif word == "ENV":
            name, value = rest.split("=", 1)
            environment[name] = value.replace("$PATH", environment["PATH"])
        elif word == "WORKDIR":
            folder = rest
            (root / folder.lstrip("/")).mkdir(parents=True, exist_ok=True)
        elif word == "COPY":
            *sources, target = shlex.split(rest)
            for name in sources:
                source = REPOSITORY / name
                inside = root / target.lstrip("/")
                copy(source, inside if source.is_dir() else inside / name)
        elif word == "RUN":
            start = time.monotonic()
            print(f"+ {rest}", flush=True)
            command = ["unshare", "--mount", "sh", "-ec", IN_ROOT, str(root), folder, rest]
            if status := subprocess.run(command, env=environment, check=False).returncode:
                sys.exit(status)
            print(f"  {time.monotonic() - start:.0f} s", flush=True)
        elif word not in ("", "#", "FROM", "CMD"):
            sys.exit(f"what is {line!r}?")
    if given:
        sys.exit(f"no such ARG: {', '.join(given)}")


if __name__ == "__main__":
    main()
