"""Theory weights through ingest, select and templates: meaning, reference, normalisation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot

from boostflow.config.chain import Select
from boostflow.config.needs import Needs
from boostflow.config.samples import RootSample
from boostflow.errors import BoostflowError
from boostflow.ingest.check import check
from boostflow.ingest.checked import Report
from boostflow.io import read_json, read_parquet
from boostflow.jobs.chain import CheckInputs
from boostflow.scored import require_weights
from boostflow.theory import NOMINAL_SCALE
from support.stages import ingest_all, select

N = 2000
LOOSE = Select(
    fatjet={"pt": [800, 5000], "mass": [0, 500], "multiplicity_min": 0},
    event={"ht_min": 0, "met_max": None},
)
SHOWER = (
    "PS weights (w_var / w_nominal) [0] isr.murfac=2.0; [1] fsr.murfac=2.0; [2] isr.murfac=0.5; "
    "[3] fsr.murfac=0.5;"
)
Columns = dict[str, Any]


@pytest.fixture
def titled(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Titles of branches that are written from now on; uproot takes their names."""
    from uproot.writing._cascadetree import Tree

    titles: dict[str, str] = {}
    write_anew = Tree.write_anew

    def write(tree: Any, sink: Any) -> Any:
        for branch in tree._branch_data:
            branch["fTitle"] = titles.get(branch.get("fName"), branch.get("fTitle"))
        return write_anew(tree, sink)

    monkeypatch.setattr(Tree, "write_anew", write)
    return titles


def lists(values: np.ndarray) -> ak.Array:
    return ak.from_regular(ak.Array(values.astype("f4")))


def events(seed: int = 1) -> Columns:
    """One fat jet each, and theory weights that depend on its pT."""
    rng = np.random.default_rng(seed)
    pt = rng.uniform(300, 1300, N)
    hard = pt > 700
    scale = np.ones((N, 9))
    scale[:, 7], scale[:, 1] = np.where(hard, 0.8, 1.3), np.where(hard, 1.25, 0.7)
    shower = np.ones((N, 4))
    shower[:, 2], shower[:, 0] = np.where(hard, 1.1, 0.9), np.where(hard, 0.9, 1.1)
    pdf = np.repeat(np.where(hard, 1.02, 0.98)[:, None], 103, axis=1)
    pdf[:, 2] *= np.where(hard, 1.1, 0.95)
    pdf[:, 102] *= np.where(hard, 0.9, 1.2)
    one = {"eta": 0.0, "phi": 0.0, "mass": 100.0}
    jet = {"pt": lists(pt[:, None])} | {k: lists(np.full((N, 1), v)) for k, v in one.items()}
    return {
        "run": np.ones(N, "u4"),
        "luminosityBlock": np.ones(N, "u4"),
        "event": np.arange(1, N + 1, dtype="u8"),
        "genWeight": rng.choice([2.0, 2.0, -1.0], N).astype("f4"),
        "FatJet": ak.zip(jet),
        "LHEScaleWeight": lists(scale),
        "LHEPdfWeight": lists(pdf),
        "PSWeight": lists(shower),
    }


def write(path: Path, columns: Columns, runs: Columns | None = None) -> Path:
    def of(values: Any) -> Any:
        return values.type.content if isinstance(values, ak.Array) else values.dtype

    with uproot.recreate(path) as file:
        for name, tree in {"Events": columns, "Runs": runs or {}}.items():
            if tree:
                file.mktree(name, {k: of(v) for k, v in tree.items()}, counter_name="n{}".format)
                file[name].extend(tree)
    return path


def sums(columns: Columns, *without: str) -> Columns:
    """`Runs` of two rows, halves of the events, with means relative to genEventSumw."""
    names = {"PSWeight": "PSSumw", "LHEScaleWeight": "LHEScaleSumw", "LHEPdfWeight": "LHEPdfSumw"}
    halves = [slice(0, N // 4), slice(N // 4, N)]
    weight = columns["genWeight"].astype("f8")
    found: Columns = {
        "genEventCount": np.array([len(weight[h]) for h in halves]),
        "genEventSumw": np.array([weight[h].sum() for h in halves]),
        "genEventSumw2": np.array([(weight[h] ** 2).sum() for h in halves]),
    }
    for branch, name in names.items():
        if branch in columns and name not in without:
            values = np.asarray(columns[branch].to_numpy(), "f8")
            rows = [weight[h] @ values[h] / weight[h].sum() for h in halves]
            found[name] = ak.from_regular(ak.Array(np.array(rows)))
    return found


def chain(
    files: list[Path], folder: Path, pieces: int = 1, **content: Any
) -> tuple[ak.Array, list[str], Path]:
    """Ingest and select; gives the rows, the notes of the cutflow, and the table."""
    folder.mkdir()
    tables, metas = ingest_all(files, folder, pieces, label="top", content=content, xsec=1.0)
    out = folder / "s.parquet", folder / "s.json"
    select(tables, metas, *out, LOOSE, sample="top")
    return read_parquet(out[0]), read_json(out[1])["notes"], out[0]


def effect(rows: ak.Array, column: str) -> float:
    weight = rows.weight.to_numpy()
    return float((weight * rows[column].to_numpy()).sum() / weight.sum())


def acceptance(columns: Columns, branch: str, entry: int) -> float:
    """Of all generated events, the part in the selection."""
    weight = columns["genWeight"].astype("f8") * columns[branch].to_numpy()[:, entry]
    passed = columns["FatJet"].pt.to_numpy()[:, 0] > 800
    return float(weight[passed].sum() / weight.sum())


def left_of(columns: Columns) -> Columns:
    """A skim."""
    mask = columns["FatJet"].pt.to_numpy()[:, 0] > 700
    return {name: values[mask] for name, values in columns.items()}


ENTRIES = {
    "weight_mur2": ("LHEScaleWeight", 7, 4),
    "weight_mur05": ("LHEScaleWeight", 1, 4),
    "weight_pdf_1": ("LHEPdfWeight", 1, 0),
    "weight_pdf_2": ("LHEPdfWeight", 2, 0),
    "weight_alphas_up": ("LHEPdfWeight", 102, 0),
}


@pytest.mark.parametrize("pieces", [1, 3])
def test_a_skim_is_normalised_to_all_generated_events(
    tmp_path: Path, titled: dict[str, str], pieces: int
) -> None:
    titled["PSWeight"] = SHOWER
    columns = events()
    runs = sums(columns)
    full, _, _ = chain([write(tmp_path / "full.root", columns, runs)], tmp_path / "full")
    file = write(tmp_path / "skim.root", left_of(columns), runs)
    skim, notes, _ = chain([file], tmp_path / "skim", pieces)
    for column, (branch, entry, nominal) in ENTRIES.items():
        right = acceptance(columns, branch, entry) / acceptance(columns, branch, nominal)
        assert effect(skim, column) == pytest.approx(right, rel=1e-5), column
        assert effect(full, column) == pytest.approx(right, rel=1e-5), column
    plain = columns | {"PSWeight": lists(np.ones((N, 4)))}
    right = acceptance(columns, "PSWeight", 2) / acceptance(plain, "PSWeight", 2)
    assert effect(skim, "weight_isr_up") == pytest.approx(right, rel=1e-5)
    assert abs(right - 1) > 0.05
    # Equal to member 0 is no uncertainty, whatever the generator's own set was.
    np.testing.assert_allclose(skim.weight_pdf_1, 1, rtol=1e-6)
    np.testing.assert_allclose(skim.weight_pdf_0, 1, rtol=1e-6)
    assert NOMINAL_SCALE not in skim.fields and "weight_pdf_101" not in skim.fields
    said = " ".join(notes)
    assert (
        "PSWeight: scales of ISR and FSR as its title says; relative to genWeight; normalised to"
        in said
    )
    assert (
        "members 0 to 100 and alpha_s down and up; relative to member 0; normalised to LHEPdfSumw"
        in said
    )
    assert "relative to the entry of muR = muF = 1; normalised to LHEScaleSumw of Runs" in said


def test_a_skim_without_sums_says_that_acceptance_is_lost(tmp_path: Path) -> None:
    columns = events()
    runs = sums(columns, "LHEPdfSumw")
    rows, notes, _ = chain([write(tmp_path / "a.root", left_of(columns), runs)], tmp_path / "o")
    assert effect(rows, "weight_pdf_2") == pytest.approx(1, rel=0.02)
    assert effect(rows, "weight_mur2") < 0.85
    (note,) = [note for note in notes if "acceptance of the skim is lost" in note]
    assert note.startswith("LHEPdfWeight: ") and "no LHEPdfSumw" in note


def test_a_sum_of_all_files_knows_nothing_of_theory_weights(tmp_path: Path) -> None:
    """`before_skim.sumw` makes skims of files that cannot tell: their acceptance is lost, too."""
    columns = events()
    file = write(tmp_path / "a.root", left_of(columns), sums(columns))
    rows, notes, _ = chain([file], tmp_path / "o", before_skim={"sumw": 1e4})
    assert effect(rows, "weight_mur2") == pytest.approx(1, rel=0.02)
    assert sum("acceptance of the skim is lost" in note for note in notes) == 3


def test_scales_without_their_nominal_entry_are_relative_to_genweight(tmp_path: Path) -> None:
    columns = events()
    columns["LHEScaleWeight"] = lists(np.delete(columns["LHEScaleWeight"].to_numpy(), 4, axis=1))
    file = write(tmp_path / "a.root", left_of(columns), sums(columns))
    rows, notes, _ = chain([file], tmp_path / "o")
    plain = columns | {"PSWeight": lists(np.ones((N, 4)))}
    nominal = acceptance(plain, "PSWeight", 0)
    right = acceptance(columns, "LHEScaleWeight", 6) / nominal
    assert effect(rows, "weight_mur2") == pytest.approx(right, rel=1e-5)
    assert any(
        note.startswith("LHEScaleWeight: muR and muF in CMS' order; relative to genW")
        for note in notes
    )


def test_scales_are_relative_to_their_nominal_entry(tmp_path: Path) -> None:
    """Some generators' entries all have a common factor."""
    columns = events()
    half = columns | {"LHEScaleWeight": lists(columns["LHEScaleWeight"].to_numpy() / 2)}
    rows, _, _ = chain([write(tmp_path / "a.root", columns)], tmp_path / "a")
    other, _, _ = chain([write(tmp_path / "b.root", half)], tmp_path / "b")
    np.testing.assert_allclose(rows.weight_mur2, other.weight_mur2, rtol=1e-6)


def test_files_of_versions_with_other_orders_are_one_sample(
    tmp_path: Path, titled: dict[str, str]
) -> None:
    columns = events()
    old = write(tmp_path / "old.root", columns)
    titled["PSWeight"] = SHOWER
    order = columns["PSWeight"].to_numpy()[:, [2, 3, 0, 1]]
    new = write(
        tmp_path / "new.root", columns | {"PSWeight": lists(order), "run": np.full(N, 2, "u4")}
    )
    rows, _, _ = chain([old, new], tmp_path / "o")
    parts = rows[rows.run == 1], rows[rows.run == 2]
    np.testing.assert_array_equal(parts[0].weight_isr_up, parts[1].weight_isr_up)


def spoilt(how: str) -> Columns:
    """PDF weights of entry 150, whose jet is selected, that are no numbers."""
    columns = events()
    pt = columns["FatJet"].pt.to_numpy().copy()
    pt[[0, 150]] = 1000.0
    columns["FatJet"] = ak.with_field(columns["FatJet"], lists(pt), "pt")
    values = columns["LHEPdfWeight"].to_numpy().copy()
    if how == "nan":
        values[150, 3] = np.nan
    elif how == "zero":
        values[150] = 0
    elif how == "other length":
        rows = values.tolist()
        rows[150] = rows[150][:102]
        return columns | {"LHEPdfWeight": ak.values_astype(ak.Array(rows), "float32")}
    else:
        number = 0 if how == "empty first" else 150
        rows = [[] if i == number else row for i, row in enumerate(values.tolist())]
        return columns | {"LHEPdfWeight": ak.values_astype(ak.Array(rows), "float32")}
    return columns | {"LHEPdfWeight": lists(values)}


BAD = {
    "nan": "entry 150: weight_pdf_3 of LHEPdfWeight is nan",
    "zero": "entry 150: weight_pdf_0, which weight_pdf_3 is relative to, is 0",
    "empty": "entry 150: weight_pdf_3 of LHEPdfWeight is nan, or missing",
    "empty first": "entry 0: weight_pdf_3 of LHEPdfWeight is nan, or missing",
    "other length": "entry 150: weight_pdf_3 of LHEPdfWeight is nan, or missing",
}


@pytest.mark.parametrize("how", BAD)
def test_weights_that_nothing_uses_are_no_condition(tmp_path: Path, how: str) -> None:
    file = write(tmp_path / "a.root", spoilt(how))
    assert not looked_at(file).problems
    rows, notes, table = chain([file], tmp_path / "o")
    assert len(rows) > 500 and np.isfinite(rows.weight.to_numpy()).all()
    # Of others of the branch where they are good, of all other branches.
    for column in ("weight_isr_up", "weight_mur2"):
        require_weights(table, column)
    with pytest.raises(BoostflowError) as error:
        require_weights(table, "weight_pdf_3")
    assert str(error.value).startswith(f"{file}: {BAD[how]}")
    said = "LHEPdfWeight: 1 events of 1 files have NaN in it, or not all of its entries"
    assert any(note.startswith(said) for note in notes) == (how != "zero")


def looked_at(file: Path, *columns: str) -> Report:
    block = RootSample(source="root", files=[str(file)], label="q", xsec=1.0)
    needs = {"s": Needs(weights=dict.fromkeys(columns, "pdf"))} if columns else {}
    return check(CheckInputs(samples={"s": block}, needs=needs))


@pytest.mark.parametrize(
    ("how", "found"),
    [
        ("nan", "entry 150: LHEPdfWeight[3] of 103, which is weight_pdf_3, is nan"),
        ("empty", "entry 150: LHEPdfWeight[3] of 0, which is weight_pdf_3, is missing"),
    ],
)
def test_the_check_refuses_weights_that_are_used(tmp_path: Path, how: str, found: str) -> None:
    file = write(tmp_path / "a.root", spoilt(how))
    (problem, *_) = looked_at(file, "weight_pdf_3").problems
    assert problem.startswith(f"{file}: {found}: weights that a systematic uses")
    assert not looked_at(file, "weight_mur2").problems


def test_the_check_says_what_alpha_s_is(tmp_path: Path) -> None:
    report = looked_at(write(tmp_path / "a.root", events()), "weight_pdf_100", "weight_pdf_101")
    (problem,) = report.problems
    assert (
        "has no weights weight_pdf_101 (alpha_s is weight_alphas_down, weight_alphas_up" in problem
    )
    assert any("s: LHEPdfWeight: members 0 to 100 and alpha_s" in note for note in report.notes)


def test_files_may_differ_in_weights_that_nothing_uses(tmp_path: Path) -> None:
    columns = events()
    fewer = {k: v for k, v in columns.items() if k != "LHEPdfWeight"} | {"run": np.full(N, 2, "u4")}
    files = [write(tmp_path / "b.root", fewer), write(tmp_path / "a.root", columns)]
    rows, _, table = chain(files, tmp_path / "o")
    assert set(rows.run.to_list()) == {1, 2}
    with pytest.raises(BoostflowError, match=r"b.root: has no weight_pdf_2, which other files of"):
        require_weights(table, "weight_pdf_2")
    require_weights(table, "weight_mur2")


def test_which_files_lack_weights_is_said(tmp_path: Path) -> None:
    columns = events()
    files = []
    for i in range(6):
        own = columns | {"run": np.full(N, i + 1, "u4")}
        if i:
            del own["LHEPdfWeight"]
        files.append(write(tmp_path / f"{i}.root", own))
    names = [str(file) for file in files]
    block = RootSample(source="root", files=names, label="q", xsec=1.0)
    without = ", ".join(names[1:4])
    said = f"LHEPdfWeight is read of 1 of 6 files; not of {without} and 2 more"
    report = check(CheckInputs(samples={"s": block}))
    assert [note for note in report.notes if " is read of " in note] == [f"s: {said}"]
    needs = {"s": Needs(weights={"weight_pdf_2": "pdf"})}
    (problem,) = check(CheckInputs(samples={"s": block}, needs=needs)).problems
    assert problem.startswith(
        f"samples.s: {names[1]} has no weights weight_pdf_2 (nor {names[2]}, {names[3]}, {names[4]}"
        " and 1 more), which systematic pdf needs"
    )
    _, notes, _ = chain(files, tmp_path / "o")
    assert said in notes
