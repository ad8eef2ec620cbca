"""The command `boostflow`: its help, how it reads a job, what it says of bad input, its start."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from boostflow.cli import COMMANDS, main
from boostflow.config.descriptions import descriptions
from boostflow.jobs import (
    background,
    chain,
    generated,
    models,
    search,
    statistics,
    summary,
    transfer,
)
from boostflow.jobs.base import Job
from boostflow.jobs.registry import JOBS, job_of


def ended(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Exit code and errors of a command that ends with an error."""
    with pytest.raises(SystemExit) as exit:
        main(list(words))
    return int(exit.value.code or 0), capsys.readouterr().err


# --- stages ---------------------------------------------------------------------------------------


def test_the_registry_has_all_jobs() -> None:
    """Under the name that each class gives its stage; a class that inherits it is another's job."""
    assert list(JOBS) == sorted(JOBS)
    modules = (background, chain, generated, models, search, statistics, summary, transfer)
    found = {
        job.stage: job
        for module in modules
        for job in vars(module).values()
        if isinstance(job, type) and issubclass(job, Job) and "stage" in vars(job)
    }
    assert found == {stage: job_of(stage) for stage in JOBS}


@pytest.mark.parametrize("stage", JOBS)
def test_help_of_a_stage(stage: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It has what the class of the job says, all of it."""
    job = job_of(stage)
    with pytest.raises(SystemExit) as exit:
        main([stage, "--help"])
    assert exit.value.code == 0
    shown = capsys.readouterr().out
    together = " ".join(shown.split())
    assert " ".join((job.__doc__ or "no text").split()) in together
    texts = descriptions(job)
    for name in job.model_fields:
        assert f"  {name}: {' '.join(texts[name].split())}" in shown
    texts = descriptions(job.Files)
    for name in job.Files.model_fields:
        assert f" --{name.replace('_', '-')} " in together
        assert " ".join(texts[name].split()) in together


def test_help_lists_all_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        main(["--help"])
    assert exit.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    shown = {line.split()[0] for line in lines if line.startswith("    ") and line.split()}
    assert shown >= {*COMMANDS, *JOBS}


def test_no_or_another_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(capsys)[0] == 2
    code, error = ended(capsys, "selekt")
    assert code == 2 and "invalid choice: 'selekt'" in error and "'select'" in error


# --- the job --------------------------------------------------------------------------------------


@pytest.fixture
def health(tmp_path: Path) -> str:
    """A health check that found one bad effect."""
    effect = {"entry": "jes", "region": "pass", "sample": "top", "flags": ["nan"]}
    path = tmp_path / "health.json"
    path.write_text(json.dumps({"effects": [effect]}))
    return str(path)


JOB = {"forbidden": ["nan"]}
HARMLESS = {"forbidden": ["large"]}


@pytest.mark.parametrize("form", ["inline", "json", "yaml"])
def test_forms_of_a_job(
    form: str, health: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def written(job: dict[str, list[str]]) -> str:
        path = tmp_path / f"job.{form}"
        path.write_text(json.dumps(job) if form == "json" else yaml.safe_dump(job))
        return json.dumps(job) if form == "inline" else str(path)

    main(["demand_health", written(HARMLESS), "--health", health])
    code, error = ended(capsys, "demand_health", written(JOB), "--health", health)
    assert code == 1
    assert error.startswith("boostflow: error: infer.strict: ")
    assert error.endswith("nan: jes in pass/top\n")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("", '{"forbidden": [', "JOB: is neither JSON nor YAML: "),
        ("", '{"forbidden": [], "forbiden": 1}', "JOB: forbiden: unknown key; did you mean 'forb"),
        ("", '{"forbidden": ["odd"]}', "JOB: forbidden.0: input should be 'nan', "),
        ("", "{}", "JOB: forbidden: is required"),
        ("job.json", '{"forbidden": [', "job.json: is neither JSON nor YAML: "),
        ("job.json", "[1]", "job.json: must be keys and values"),
        ("job.json", '{"forbidden": [], "forbiden": 1}', "job.json: forbiden: unknown key"),
        ("job.yaml", "forbidden: [", "job.yaml: is neither JSON nor YAML: "),
        ("job.yaml", "forbidden: !!python/object:os.system []", "job.yaml: is neither JSON nor"),
        ("job.yaml", "", "job.yaml: must be keys and values"),
        ("job.yaml", "\x00", "job.yaml: is neither JSON nor YAML: "),
        ("nowhere.json", None, "nowhere.json: No such file or directory"),
    ],
)
def test_a_bad_job_is_one_message(
    name: str,
    content: str | None,
    message: str,
    health: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    if name and content is not None:
        Path(name).write_text(content)
    given = name or str(content)
    code, error = ended(capsys, "demand_health", given, "--health", health)
    assert code == 1
    assert error.startswith(f"boostflow: error: {message}")
    assert len(error.splitlines()) == 1


def test_all_problems_of_a_job_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    bad = json.dumps({"signal": [], "bin_error_max": "much", "systematic": {}})
    files = ("--templates", "--figures", "x.json", "--table", "x.txt")
    code, error = ended(capsys, "health", bad, *files)
    assert code == 1
    assert len(error.splitlines()) == 2
    assert "JOB: bin_error_max: " in error and "JOB: systematic: unknown key" in error


def test_files_of_a_job(health: str, capsys: pytest.CaptureFixture[str]) -> None:
    job = json.dumps(JOB)
    code, error = ended(capsys, "plot_health", '{"label": ["", ""]}')
    assert code == 2 and "--health" in error
    code, error = ended(capsys, "demand_health", job, "--health", f"{health}.old")
    assert code == 1 and error == f"boostflow: error: {health}.old: no such file\n"
    code, error = ended(capsys, "demand_health", job, "--health", health, "--table", "x")
    assert code == 2 and "--table" in error


# --- start ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "unused"),
    [
        ("select", ("boostflow.config.config", "boostflow.jobs.statistics", "numpy", "yaml")),
        ("infer", ("boostflow.config.config", "boostflow.jobs.chain", "numpy", "yaml")),
        ("evaluate", ("boostflow.jobs.chain", "boostflow.jobs.statistics", "matplotlib")),
    ],
)
def test_a_stage_starts_with_little(stage: str, unused: tuple[str, ...]) -> None:
    """A run has thousands of jobs, and each imports what its command does."""
    code = (
        "import sys\nfrom boostflow.cli import main\n"
        "try:\n    main([sys.argv[1], '--help'])\n"
        "except SystemExit:\n    print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, stage], capture_output=True, text=True, check=True
    )
    read = set(done.stdout.splitlines()[-1].split())
    assert f"boostflow.jobs.{JOBS[stage].split(':')[0]}" in read
    assert not read & {*unused}
