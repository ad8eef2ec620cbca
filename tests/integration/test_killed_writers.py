"""A job killed while it writes, or whose disk is full, leaves nothing that looks finished.

The kernel kills a process that writes beyond its limit on file sizes in the midst of the write, or,
if the process ignores that, fails the write as a full disk does. Both are done to every writer of
results at several sizes, over nothing and over an older result.
"""

from __future__ import annotations

import ast
import errno
import os
import re
import resource
import signal
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import awkward as ak
import numpy as np
import pytest

from boostflow.errors import BoostflowError
from boostflow.models.bdt.block import BDT
from boostflow.models.ucluster.block import UCluster
from support import compression, tables
from support.factory import SAMPLES, write_run
from support.fits import fit_files, table_files
from support.ucluster_jets import SMALL, files, packed

Write = Callable[[Path], object]
"""Writes a result to a path."""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run and packed jets to write results from."""
    folder = tmp_path_factory.mktemp("inputs")
    write_run(folder, 60)
    files(folder, 30)
    packed(folder, UCluster(**SMALL), [folder / "w.parquet", folder / "top.parquet"])
    return folder


def root_sample(inputs: Path) -> Write:
    from boostflow.simulate.generator import CrossSection
    from boostflow.simulate.rootfile import SCALARS, USUAL, WEIGHTS, create

    rng = np.random.default_rng(1)
    counts = rng.integers(1, 9, 400)
    columns = {name: rng.integers(0, 9, 400) for name in SCALARS}
    for name, kinds in USUAL.collections().items():
        rows = {key: ak.unflatten(rng.random(counts.sum()) * 9, counts) for key in kinds}
        columns[name] = ak.zip(rows)
    columns |= {name: rng.random((400, 4)) for name in WEIGHTS}

    def write(path: Path) -> None:
        with create(path) as root:
            root.extend(columns)
            root.extend(columns)
            root.finish(CrossSection(1.0, 0.1))

    return write


def ingested(inputs: Path) -> Write:
    import pyarrow.parquet
    from pyarrow import feather

    from boostflow.ingest.run import _merge

    chunk = inputs / "w.arrow"
    feather.write_feather(pyarrow.parquet.read_table(inputs / "w.parquet"), chunk, "uncompressed")
    return lambda path: _merge([chunk] * 2, path)


def ingested_table(inputs: Path) -> Write:
    from boostflow.ingest.tables import run
    from boostflow.jobs.chain import Ingest

    file = tables.write(inputs / "tracks.parquet", tables.tracks(3000))
    job = Ingest.model_validate({"source": "table", "tabular": tables.CONTENT})

    def write(path: Path) -> None:
        path.mkdir(exist_ok=True)
        run(str(file), job, Ingest.Files(table=path / "0.parquet", meta=path / "0.json"))

    return write


def generated_rows(inputs: Path) -> Write:
    from boostflow.jobs.generated import Generate
    from boostflow.simulate.generated import run

    generator = {"kind": "normal", "columns": {"x": {}, "y": {}}}
    job = Generate.model_validate({"sample": "a", "generator": generator, "events": 2000})
    return lambda path: run(job, Generate.Files(sample=path))


def left_out(inputs: Path) -> Write:
    from boostflow.ingest.skipped import _leave_out
    from boostflow.jobs.chain import Ingest

    def write(path: Path) -> None:
        path.mkdir(exist_ok=True)
        names = Ingest.Files(table=path / "0.parquet", meta=path / "0.json")
        _leave_out("a.root", names, "not readable" * 200, False)

    return write


def checked(inputs: Path) -> Write:
    from boostflow.ingest.check import write
    from boostflow.ingest.checked import Checked, Report
    from boostflow.jobs.chain import CheckInputs

    files = [Checked("top", f"{i}.root", bad="not readable", key=f"{i}") for i in range(40)]

    def files_of(path: Path) -> None:
        path.mkdir(exist_ok=True)
        names = {"check": path / "c.json", "table": path / "c.txt", "checked": [path / "b.json"]}
        write(Report(files, [], [], True), CheckInputs.Files(**names))

    return files_of


def selected(inputs: Path) -> Write:
    from boostflow.select.run import _write

    rows = ak.from_parquet(inputs / "select/nominal/w.parquet")
    return lambda path: _write(path, [rows, rows], [inputs / "select/nominal/w.parquet"], {})


def parquet(inputs: Path) -> Write:
    from boostflow.io import write_parquet

    rows = ak.from_parquet(inputs / "select/nominal/w.parquet")
    return lambda path: write_parquet(path, rows)


def json_figures(inputs: Path) -> Write:
    from boostflow.io import write_json

    return lambda path: write_json(path, {"figures": list(range(2000))})


def _templates(path: Path) -> None:
    """A signal at 170 GeV over a background, in a region with much of it and one with little."""
    import hist

    from boostflow.templates.files import write

    axis = hist.axis.Regular(12, 50, 290, name="msoftdrop")
    histograms = {}
    for region, scale in (("pass", 1.0), ("fail", 0.05)):
        for sample, masses in (("top", np.full(900, 170.0)), ("quark", np.linspace(51, 280, 2000))):
            filled = hist.Hist(axis, storage=hist.storage.Weight())
            filled.fill(masses, weight=scale if sample == "top" else 1.0)
            histograms[region, sample] = filled
    write(path, histograms)


def template_file(inputs: Path) -> Write:
    return _templates


def health_figures(inputs: Path) -> Write:
    from boostflow.infer.health import run
    from boostflow.jobs.statistics import Health

    _templates(inputs / "nominal.root")

    def write(path: Path) -> None:
        path.mkdir(exist_ok=True)
        files = Health.Files(
            templates=[inputs / "nominal.root"],
            figures=path / "health.json",
            table=path / "health.txt",
        )
        run(Health(signal=["top"]), files)

    return write


def fit_tables(inputs: Path) -> Write:
    from boostflow.infer.report import tabulate
    from boostflow.infer.run import infer
    from boostflow.jobs.statistics import FitTables, Infer

    _templates(inputs / "nominal.root")
    fit = fit_files(inputs, [inputs / "nominal.root"])
    infer(Infer(), fit)

    def write(path: Path) -> None:
        path.mkdir(exist_ok=True)
        tabulate(FitTables(), table_files(fit, path))

    return write


def trees(inputs: Path) -> Write:
    from support.models import train

    jets = [inputs / f"select/nominal/{name}.parquet" for name in ("top", "w")]
    config = BDT(kind="bdt", rounds=5, features=["mass", "tau21"])
    return lambda path: train(jets, config, path)


def packed_jets(inputs: Path) -> Write:
    from boostflow.models.ucluster.store import write

    return lambda path: write([inputs / "w.parquet"], UCluster(**SMALL), path)


def _loop(inputs: Path):
    from boostflow.models.ucluster import store
    from boostflow.models.ucluster.train import UClusterLearner
    from boostflow.training.loop import Loop
    from boostflow.training.ranks import Single

    config = UCluster(**SMALL)
    learner = UClusterLearner(config, *store.read(inputs / "packed", config), Single())
    return Loop(learner, "ucluster", config)


def checkpoint_file(inputs: Path) -> Write:
    return _loop(inputs).save


def network(inputs: Path) -> Write:
    loop = _loop(inputs)
    return lambda path: loop.write(path, {"seconds": 1.0})


def keras_file(inputs: Path) -> Write:
    from boostflow.models.ucluster.saved import write

    learner = _loop(inputs).learner
    return lambda path: write(path.with_suffix(".keras"), learner.network, learner.clusters)


def onnx_file(inputs: Path) -> Write:
    from boostflow.models.ucluster import export
    from boostflow.training import checkpoint

    _loop(inputs).write(inputs / "whole", {"seconds": 1.0})
    header, arrays = checkpoint.read(inputs / "whole" / checkpoint.MODEL)
    return lambda path: export.write(path, header, arrays)


def plot(inputs: Path) -> Write:
    import matplotlib.pyplot as plt

    from boostflow.plots.style import save

    def write(path: Path) -> None:
        figure, ax = plt.subplots()
        ax.plot([1, 2])
        save(figure, path.with_suffix(".png"))

    return write


def record(inputs: Path) -> Write:
    from boostflow.jobs.summary import Provenance
    from boostflow.provenance import run

    config = {f"key{i}": i for i in range(500)}

    def write(path: Path) -> None:
        path.mkdir(exist_ok=True)
        files = Provenance.Files(
            record=path / "provenance.json",
            config=path / "config.yaml",
            systematics=path / "systematics.yaml",
        )
        run(Provenance(config=config, systematics=config), files)

    return write


def table(inputs: Path) -> Write:
    from boostflow.jobs.summary import Summary
    from boostflow.summary.run import run

    cutflows = [inputs / f"select/nominal/{name}.json" for name in SAMPLES]

    def both(path: Path) -> None:
        path.mkdir(exist_ok=True)
        written = {"summary": path / "summary.json", "table": path / "summary.txt"}
        written["page"] = path / "overview.html"
        run(Summary(), Summary.Files(cutflows=cutflows, **written))

    return both


def taken_over(inputs: Path) -> Write:
    from boostflow.io import write_json
    from boostflow.models.points import Point, take_over

    point = Point(BDT(), inputs / "point", "")
    write_json(point.model / "manifest.json", {"config": BDT().model_dump(mode="json")})
    (point.model / "model.ubj").write_bytes(bytes(50_000))
    return lambda path: take_over(point, BDT(decorrelate={}), path)


def archived(inputs: Path) -> Write:
    from boostflow.crate import run
    from boostflow.io import write_json

    results = inputs / "finished"
    (results / "plots").mkdir(parents=True)
    (results / "plots/roc.png").write_bytes(bytes(50_000))
    for name, content in (("provenance", {}), ("summary", {"models": {}})):
        write_json(results / f"{name}.json", content)
    for name in ("config", "systematics"):
        (results / f"{name}.yaml").write_text("{}")
    return lambda path: run(results, path)


def datacard(inputs: Path) -> Write:
    from boostflow.infer.datacard import translate, write

    data = list(np.linspace(1, 9, 400))
    sample = {"name": "top", "data": data, "modifiers": []}
    spec = {
        "channels": [{"name": "sr", "samples": [sample]}],
        "observations": [{"name": "sr", "data": data}],
        "measurements": [{"name": "mu", "config": {"poi": "mu", "parameters": []}}],
    }
    card = translate(spec, {"sr": range(401)})
    return lambda path: write(card, path, {})


def search_report(inputs: Path) -> Write:
    from boostflow.io import write_json
    from boostflow.jobs.search import ReportSearch
    from boostflow.search.report import report
    from boostflow.training import checkpoint

    rng = np.random.default_rng(2)
    code, figures = np.arange(200) % 2, {"auc": 0.5, "loss": 0.7, "seconds": 1, "cpu_seconds": 1}
    entries = [{"point": n, "settings": {"rounds": n}, "test": figures, **figures} for n in "ab"]
    for name in "ab":
        arrays = {"code": code, "weight": np.ones(200), "event": np.arange(200)}
        arrays["probabilities"] = rng.dirichlet([1, 1], 200)
        (inputs / name).mkdir(exist_ok=True)
        checkpoint.write(inputs / name / "validation.npz", {}, arrays)
    write_json(inputs / "ranking.json", {"points": entries})
    job = ReportSearch(
        name="trees", method="grid", figure="auc", keys=["rounds"], bootstrap=5, label=("a", "b")
    )

    def write(path: Path) -> None:
        path.mkdir(exist_ok=True)
        written = {"figures": path / "search.json", "table": path / "search.txt"}
        read = {"rankings": [inputs / "ranking.json"], "seeds": [inputs / "ranking.json"]}
        files = ReportSearch.Files(**read, **written, points=inputs, plot=path / "search.png")
        report(job, files)

    return write


def generated(inputs: Path) -> Write:
    from boostflow.config.generate import main

    def write(path: Path) -> None:
        path.mkdir(exist_ok=True)
        main(path)

    return write


def compressed(inputs: Path) -> Write:
    from boostflow.compress.run import compress, decompress
    from boostflow.config.rounding import Rounded
    from boostflow.io import read_flat

    columns = {"pt": Rounded(type="positive", bound=1e-3)}
    codec = compression.untrained(columns, read_flat(inputs / "w.parquet", ["pt"]))
    model = compression.written(codec, inputs / "codec")

    def write(path: Path) -> None:
        path.mkdir(exist_ok=True)
        compress(inputs / "w.parquet", path / "jets.bfc", model, None)
        decompress(path / "jets.bfc", path / "jets.parquet")

    return write


WRITERS: dict[str, Callable[[Path], Write]] = {
    "simulate/rootfile.py: RootFile.__init__, RootFile.finish, create": root_sample,
    "simulate/generated.py: run": generated_rows,
    "ingest/run.py: _merge": ingested,
    "ingest/tables.py: run": ingested_table,
    "ingest/skipped.py: _leave_out, write_no_rows": left_out,
    "ingest/check.py: write": checked,
    "select/run.py: _write": selected,
    "io.py: write_parquet": parquet,
    "io.py: write_json": json_figures,
    "templates/files.py: write": template_file,
    "crate.py: run": archived,
    "infer/datacard.py: write": datacard,
    "infer/health.py: run": health_figures,
    "infer/report.py: tabulate": fit_tables,
    "infer/tables.py: write_hepdata": fit_tables,
    "models/bdt/train.py: train": trees,
    "models/points.py: take_over": taken_over,
    "search/report.py: report": search_report,
    "constituents/shards.py: written, Writer._append": packed_jets,
    "training/checkpoint.py: write": checkpoint_file,
    "training/loop.py: Loop.write": network,
    "models/ucluster/saved.py: write": keras_file,
    "models/ucluster/export.py: write": onnx_file,
    "plots/style.py: save": plot,
    "provenance.py: run": record,
    "compress/run.py: compress, decompress": compressed,
    "summary/run.py: run": table,
    "config/generate.py: main": generated,
}
"""Every writer of results, and what makes it write one."""


SEVERAL = (
    *("provenance.py: run", "summary/run.py: run", "config/generate.py: main"),
    *("ingest/skipped.py: _leave_out, write_no_rows", "ingest/check.py: write"),
    *("infer/health.py: run", "infer/report.py: tabulate", "infer/tables.py: write_hepdata"),
    *("search/report.py: report", "compress/run.py: compress, decompress", "ingest/tables.py: run"),
)
"""Those of several files, each whole or not there."""
WRITING = {
    *("savefig", "to_parquet", "recreate", "mktree", "savez", "save_model", "write_table"),
    *("write_text", "write_bytes", "atomic"),
}
"""Names of functions that write files."""


def killed(write: Write, path: Path, limit: int, dies: bool) -> tuple[int, str]:
    """Write in a process whose files may have `limit` bytes; its status and error."""
    out, into = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.dup2(1, 2)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL if dies else signal.SIG_IGN)
            write(path)
        except BaseException as error:
            plain = isinstance(error, BoostflowError) or (
                isinstance(error, OSError) and error.errno == errno.EFBIG
            )
            os.write(into, (b"" if plain else traceback.format_exc().encode())[:60_000])
            os._exit(1)
        os._exit(0)
    os.close(into)
    with os.fdopen(out) as read:
        text = read.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), text


def shown(folder: Path) -> dict[str, bytes]:
    """The files that a user or snakemake sees."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    names = {path: path.relative_to(folder) for path in paths}
    return {
        str(name): path.read_bytes()
        for path, name in names.items()
        if not any(part.startswith(".") for part in name.parts)
    }


@pytest.mark.parametrize("name", WRITERS)
def test_nothing_looks_finished(name: str, inputs: Path, tmp_path: Path) -> None:
    write = WRITERS[name](inputs)
    for folder in ("whole", "new"):
        (tmp_path / folder).mkdir()
    write(tmp_path / "whole/result")
    older = shown(tmp_path / "whole")
    size = max(map(len, older.values()))
    for limit, dies in ((0, True), (size // 2, True), (9 * size // 10, True), (size // 2, False)):
        status, error = killed(write, tmp_path / "new/result", limit, dies)
        assert status == (-signal.SIGXFSZ if dies else 1), error
        assert not error
        # A writer of several files may have finished some of them.
        for file, content in shown(tmp_path / "new").items():
            assert name in SEVERAL and len(content) == len(older[file])
    assert killed(write, tmp_path / "whole/result", size // 2, True)[0] == -signal.SIGXFSZ
    left = shown(tmp_path / "whole")
    assert left.keys() == older.keys()
    assert [file for file in left if left[file] != older[file]] == []
    write(tmp_path / "new/result")
    assert shown(tmp_path / "new").keys() == older.keys()
    assert not list((tmp_path / "new").rglob(".*"))


def functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Functions and methods of a module by name."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef):
                    yield f"{node.name}.{inner.name}", inner
        elif isinstance(node, ast.FunctionDef):
            yield node.name, node


def writes(function: ast.FunctionDef) -> bool:
    """Whether it calls a function of `WRITING`, or opens a file for writing."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, (ast.Attribute, ast.Name)):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
            modes = [a.value for a in node.args if isinstance(a, ast.Constant)]
            if name in WRITING or (name == "open" and {*modes} & {"w", "wb", "a", "ab", "x"}):
                return True
    return False


def test_these_are_all_writers(repository: Path) -> None:
    package = repository / "workflow/boostflow"
    found = {
        f"{path.relative_to(package)}: {name}"
        for path in package.rglob("*.py")
        for name, function in functions(ast.parse(path.read_text()))
        if writes(function)
    }
    # A lock, which is empty; and a file that is never written twice.
    listed = {"io.py: exclusive", "io.py: write_small"}
    # A page and a table beside plots, atomic like them, and a map within the folder that a training
    # makes.
    listed |= {"infer/report.py: plot", "ranking.py: run"}
    listed |= {"models/decorrelation.py: make", "models/decorrelation.py: decorrelated"}
    # Chunks in the scratch folder of an ingestion, which `_merge` makes one file of.
    listed |= {"ingest/rows.py: Rows.write"}
    # Networks in that folder.
    listed |= {"models/kerasmodel.py: write"}
    # The folder of a model that one process has trained (the trees among the writers make one), and
    # arrays within it.
    listed |= {"training/manifest.py: model_folder", "models/detector.py: Prepared.write"}
    # Under a temporary name, too; on a full disk HDF5's own library crashes, so that no message of
    # ours is seen.
    listed |= {"calorimeter/files.py: write"}
    # What `decompress` writes, under its temporary name.
    listed |= {"compress/tables.py: written"}
    for key in WRITERS:
        file, names = key.split(": ")
        listed |= {f"{file}: {name}" for name in names.split(", ")}
    # What a family writes lies in the folder that the loop of all trainings makes, atomically.
    found = {name for name in found if not re.match(r"models/\w+/", name) or name in listed}
    assert found == listed
