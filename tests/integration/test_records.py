"""Records of a finished run: its RO-Crate, what a result was made from, REANA's file."""

from __future__ import annotations

import importlib.resources
import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import rdflib
import yaml
from rdflib.namespace import RDF

from boostflow import __version__
from boostflow.cli import main
from support.analyses import REPOSITORY, Analysis

SCHEMA = rdflib.Namespace("http://schema.org/")


@pytest.fixture(scope="module")
def crate(chain: Analysis, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive") / "crate"
    main(["crate", str(chain.out), "--to", str(folder)])
    return folder


@pytest.fixture(scope="module")
def graph(crate: Path) -> rdflib.Graph:
    """The crate as RDF; the context is the published one, from a file."""
    data = json.loads((crate / "ro-crate-metadata.json").read_text())
    assert data["@context"] == "https://w3id.org/ro/crate/1.1/context"
    file = importlib.resources.files("rocrate").joinpath("data/ro-crate.jsonld")
    data["@context"] = json.loads(file.read_text())["@context"]
    graph = rdflib.Graph()
    return graph.parse(data=json.dumps(data), format="json-ld", publicID="file:///crate/")


def one(graph: rdflib.Graph, subject: rdflib.term.Node, predicate: str) -> rdflib.term.Node:
    """The only object of a property."""
    (found,) = graph.objects(subject, SCHEMA[predicate])
    return found


def test_the_crate_is_a_run_of_the_workflow(graph: rdflib.Graph, chain: Analysis) -> None:
    root = rdflib.URIRef("file:///crate/")
    (action,) = graph.subjects(RDF.type, SCHEMA.CreateAction)
    workflow = one(graph, root, "mainEntity")
    assert one(graph, action, "instrument") == workflow
    assert action in set(graph.objects(root, SCHEMA.mentions))
    assert str(workflow).endswith("workflow/Snakefile")
    conforms = rdflib.URIRef("http://purl.org/dc/terms/conformsTo")
    profiles = {str(profile) for profile in graph.objects(root, conforms)}
    assert "https://w3id.org/ro/wfrun/workflow/0.5" in profiles
    record = json.loads((chain.out / "provenance.json").read_text())
    assert str(one(graph, action, "endTime")) == record["finished"]
    programs = {
        str(one(graph, program, "name")): str(one(graph, program, "softwareVersion"))
        for program in graph.objects(workflow, SCHEMA.softwareRequirements)
    }
    assert programs == {"python": record["python"], **record["versions"]}
    pois = json.loads((chain.out / "inference/fit.json").read_text())["pois"].values()
    assert str(one(graph, root, "description")) == ". ".join(poi["text"] for poi in pois)


def test_all_that_the_crate_names_is_in_it(
    graph: rdflib.Graph, crate: Path, chain: Analysis
) -> None:
    (action,) = graph.subjects(RDF.type, SCHEMA.CreateAction)
    named = {
        kind: {
            str(file).removeprefix("file:///crate/") for file in graph.objects(action, SCHEMA[kind])
        }
        for kind in ("object", "result")
    }
    assert named["object"] == {"config.yaml", "systematics.yaml"}
    assert named["result"] >= {
        *("inference/fit.json", "inference/workspace.json", "summary.json", "provenance.json"),
        *("plots/inference/measurement.png", "inference/hepdata/submission.yaml"),
        *("models/bdt/nominal/model.ubj", "models/ucluster/nominal/manifest.json"),
        "logs/scores/bdt/jes_up.log",
    }
    files = {*named["object"], *named["result"]}
    for name in files:
        assert (crate / name).read_bytes() == (chain.out / name).read_bytes()
    written = {str(path.relative_to(crate)) for path in crate.rglob("*") if path.is_file()}
    others = {name for name in written - files if not name.startswith("workflow/")}
    assert others == {"ro-crate-metadata.json"}


def test_the_crate_has_all_models_and_logs(crate: Path, chain: Analysis) -> None:
    for part in ("models", "logs"):
        made = {path for path in (chain.out / part).rglob("*") if path.is_file()}
        wanted = {str(path.relative_to(chain.out)) for path in made if path.name[0] != "."}
        kept = {str(path.relative_to(crate)) for path in (crate / part).rglob("*.*")}
        assert wanted <= kept


def test_a_crate_does_not_hold_itself(chain: Analysis, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in (chain.out, chain.out / "plots" / "crate", chain.out / "models" / "crate"):
        with pytest.raises(SystemExit):
            main(["crate", str(chain.out), "--to", str(folder)])
        assert "holds results that go into the crate" in capsys.readouterr().err


def explained(path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What is said of a result."""
    main(["explain", str(path)])
    return capsys.readouterr().out


def test_a_result_tells_what_it_was_made_from(
    chain: Analysis, capsys: pytest.CaptureFixture[str]
) -> None:
    said = explained(chain.out / "scores/bdt/jes_up.parquet", capsys)
    record = json.loads((chain.out / "provenance.json").read_text())
    assert f"boostflow {__version__}, commit {record['commit']}" in said
    assert ".snakemake/boostflow/score-" in said
    assert "out/logs/scores/bdt/jes_up.log" in said
    rows = [line.split() for line in said.splitlines()]
    assert ["out/models/bdt/nominal", "train_bdt"] in rows
    assert ["out/select/jes_up/top.parquet", "select"] in rows
    # The model learned from nominal jets: both selections of each simulated sample are behind it.
    counts = dict(row for row in rows if len(row) == 2)
    assert counts["train_bdt"] == "1"
    assert int(counts["select"]) == 2 * len(list(chain.out.glob("select/nominal/*.json")))


def test_a_fit_was_made_from_all(chain: Analysis, capsys: pytest.CaptureFixture[str]) -> None:
    said = explained(chain.out / "inference/fit.json", capsys)
    for rule in ("infer", "templates", "score", "select", "ingest", "simulate", "train_bdt"):
        assert rule in said


@pytest.mark.parametrize(
    ("name", "message"),
    [("nothing.json", "no such file"), ("logs/summary.log", "no record of a job that made it")],
)
def test_what_cannot_be_explained(
    name: str, message: str, chain: Analysis, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["explain", str(chain.out / name)])
    assert message in capsys.readouterr().err


def test_results_without_snakemakes_records(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "fit.json").touch()
    with pytest.raises(SystemExit):
        main(["explain", str(tmp_path / "fit.json")])
    assert "no records of Snakemake" in capsys.readouterr().err


@pytest.fixture(scope="module")
def reana(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python of its own with REANA's package, whose pins are not those of the lock."""
    folder = tmp_path_factory.mktemp("reana") / "venv"
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, folder], check=True)
    # The release is part of what is tested: a later one may know other keys. Its jsonschema needs
    # the pkg_resources of older setuptools.
    install = [*uv, "pip", "install", "--quiet", "--python", folder / "bin/python"]
    done = subprocess.run(
        [*install, "reana-commons==0.9.11", "setuptools<81"], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"reana-commons could not be installed: {done.stderr.splitlines()[-1:]}")
    return folder / "bin/python"


CHECK_REANA = """
import sys, yaml
from reana_commons.serial import serial_load
from reana_commons.validation.utils import validate_reana_yaml
spec = yaml.safe_load(open(sys.argv[1]))
warnings = validate_reana_yaml(spec)
serial_load(None, spec["workflow"]["specification"])
sys.exit(str(warnings) if warnings else 0)
"""


def test_reana_s_own_schemas_accept_its_file(reana: Path, tmp_path: Path) -> None:
    def said(text: str) -> str | None:
        """What REANA's checks say of a file; None if they accept it."""
        file = tmp_path / "reana.yaml"
        file.write_text(text)
        done = subprocess.run([reana, "-c", CHECK_REANA, file], capture_output=True, text=True)
        return done.stderr if done.returncode else None

    text = (REPOSITORY / "reana.yaml").read_text()
    assert said(text) is None
    assert "slurm" in (said(text.replace("type: serial", "type: slurm")) or "")
    assert "'input'" in (said(text.replace("\ninputs:", "\ninput:")) or "")
    assert "commands" in (said(text.replace("        commands:", "        command:")) or "")


def test_reana_gets_files_that_are_there_and_a_command_that_snakemake_knows() -> None:
    spec = yaml.safe_load((REPOSITORY / "reana.yaml").read_text())
    assert spec.keys() == {"version", "inputs", "workflow", "outputs"}
    for name in spec["inputs"]["files"]:
        assert (REPOSITORY / name).is_file()
    (step,) = spec["workflow"]["specification"]["steps"]
    assert spec["workflow"]["type"] == "serial"
    assert step["environment"] == f"boostflow:{__version__}"
    words = shlex.split(step["commands"][0])
    config = words[words.index("--configfile") + 1]
    assert config in spec["inputs"]["files"]
    assert (
        yaml.safe_load((REPOSITORY / config).read_text())["systematics"] in spec["inputs"]["files"]
    )
    image = (REPOSITORY / "envs/Dockerfile").read_text()
    assert str(Path(words[words.index("--snakefile") + 1]).parent) in image
