"""Another Snakefile uses boostflow as a module: its rules, with a configuration and a prefix."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import yaml

from support.analyses import REPOSITORY

USE = """
module {name}:
    snakefile:
        {snakefile!r}
    config:
        config[{name!r}]
    prefix:
        "parts/{name}"


use rule * from {name} as {name}_*
"""
PAPER = """
rule paper:
    default_target: True
    input:
        "parts/jets/mine/summary.json",
        "parts/others/results/summary.json",
    output:
        "paper.txt",
    shell:
        "cat {input} > {output}"
"""
JETS = {
    "samples": {
        name: {"source": "simulation", "process": process, "label": name, "events": 10, "parts": 1}
        for name, process in (("top", "top"), ("qcd", "quark"))
    },
    "models": {},
    "systematics": None,
}


def test_two_analyses_are_modules_of_a_snakefile(tmp_path: Path) -> None:
    snakefile = str(REPOSITORY / "workflow" / "Snakefile")
    uses = "".join(USE.format(name=name, snakefile=snakefile) for name in ("jets", "others"))
    (tmp_path / "Snakefile").write_text(f'configfile: "two.yaml"\n{uses}\n{PAPER}')
    others = {**JETS, "samples": {"top": JETS["samples"]["top"]}, "seed": 7}
    config = {"jets": {**JETS, "output": "mine"}, "others": others}
    (tmp_path / "two.yaml").write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--cores", "1", "--printshellcmds"]
    done = subprocess.run(command, cwd=tmp_path, text=True, capture_output=True, check=False)
    printed = done.stdout + done.stderr
    assert done.returncode == 0, printed
    rows = [line.split() for line in printed.splitlines()]
    counts = {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}
    chain = ("simulate", "ingest", "list_parts", "select")
    counts.pop("jobid:", None)
    assert counts == {
        **{f"jets_{rule}": 2 for rule in chain},
        **{f"others_{rule}": 1 for rule in chain},
        **{
            f"{name}_{rule}": 1
            for name in ("jets", "others")
            for rule in ("plot_cutflow", "summary")
        },
        "paper": 1,
        "total": 17,
    }
    written = [line for line in printed.splitlines() if "boostflow select" in line]
    tables = {line.partition("--table ")[2].split()[0] for line in written}
    assert tables == {
        "parts/jets/mine/select/nominal/top.parquet",
        "parts/jets/mine/select/nominal/qcd.parquet",
        "parts/others/results/select/nominal/top.parquet",
    }
    # Each with its own configuration: of two simulations of one sample the seeds differ.
    jobs = {
        line.partition("boostflow simulate ")[2].split()[0]
        for line in printed.splitlines()
        if "boostflow simulate" in line and "/top/0.root" in line
    }
    seeds = {yaml.safe_load((tmp_path / job).read_text())["seed"] for job in jobs}
    assert seeds == {1, 7}
