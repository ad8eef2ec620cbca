"""The catalogue of columns: what is declared once, and all that follows from it elsewhere."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import awkward as ak
import numpy as np
import pytest

from boostflow.cli import main
from boostflow.config.background import Background, Control, Sideband
from boostflow.config.chain import Ingest, Select, Smearing
from boostflow.config.load import load
from boostflow.config.needs import needs
from boostflow.config.samples import RootContent
from boostflow.config.systematics import JetShift
from boostflow.ingest.check import check
from boostflow.ingest.run import inspect
from boostflow.io import read_parquet
from boostflow.jobs.chain import CheckInputs
from boostflow.models.bdt.block import BDT
from boostflow.nanoaod import EMBEDDING, LAYERS
from boostflow.observables import catalogue
from boostflow.observables.declare import Column, Of, Unit
from boostflow.observables.definitions import OBSERVABLES, observable
from boostflow.observables.jets import Jets
from boostflow.observables.listing import table
from boostflow.plots.style import axis_label
from support.rootfiles import write_nano
from support.stages import TOP, ingest, select

REPOSITORY = Path(__file__).parents[2]
CORRECTIONS = REPOSITORY / "config" / "corrections" / "jetmet.json"
LOOSE = Select.model_validate(
    {
        "fatjet": {"pt": [0, 1e5], "mass": [0, 1e5], "multiplicity_min": 0},
        "event": {"ht_min": 0, "met_max": None},
    }
)
DEFAULT = (
    *("pt", "mass", "msoftdrop", "tau1", "tau2", "tau3", "tau21", "tau32", "c2", "d2", "e3"),
    *("sqrt_d12", "sqrt_d23", "multiplicity"),
)
FURTHER = (
    *("mtrimmed", "r2", "planar_flow", "a3", "aplanarity", "zcut", "kt_dr", "qw", "pt_d"),
    "charge",
    "girth",
    *(f"constituent_pt{k}" for k in range(1, 9)),
)


LIFETIMES = (
    *("n_tracks", "n_displaced", "displaced_share", "sip1", "sip2", "sip3", "jet_probability"),
    *("n_vertices", "vertex_mass", "vertex_significance", "vertex_tracks", "vertex_share"),
    "vertex_angle",
)


ALSO = (*LAYERS, "eta", "area", "rho", "rho_mult", "n_event")
"""Columns that are no observables, and that models may take."""


def ingested(file: Path) -> ak.Array:
    """The rows of a file."""
    folder = file.parent
    ingest(file, folder / "j.parquet", folder / "j.json", **TOP)
    return read_parquet(folder / "j.parquet")


def selected(folder: Path, shift: JetShift | None) -> ak.Array:
    """The selected jets of the rows that `ingested` has written."""
    out = folder / "s.parquet"
    select(
        [folder / "j.parquet"], [folder / "j.json"], out, folder / "s.json", LOOSE,
        sample="top", shift=shift, corrections=CORRECTIONS,
    )  # fmt: skip
    return read_parquet(out)


# --- an observable is added in one place ----------------------------------------------------------


@pytest.fixture
def added() -> Iterator[None]:
    """Two new observables, declared as those of `definitions` are, and nothing else anywhere."""
    known = dict(OBSERVABLES)

    @observable("Hardness of the constituents", Unit.GEV)
    def hardness(jets: Jets) -> np.ndarray:
        """Root of the sum of squares, sqrt(sum_i pT_i^2)."""
        return np.sqrt(jets.added(jets.pt**2))

    @observable("Half of the mass", Unit.GEV, mass=True, groomed=True)
    def half_mass(jets: Jets) -> np.ndarray:
        """Half of the jet's mass."""
        return jets.mass / 2

    yield
    OBSERVABLES.clear()
    OBSERVABLES.update(known)


@pytest.mark.usefixtures("added")
def test_a_new_observable_is_computed_moved_and_named(tmp_path: Path) -> None:
    rows = ingested(write_nano(tmp_path / "a.root", 200, constituents=True))
    np.testing.assert_allclose(rows.hardness, ak.sum(rows.pf_pt**2, axis=1) ** 0.5, rtol=1e-6)
    nominal = selected(tmp_path, None)
    up = selected(tmp_path, JetShift(quantity="energy", side="up", correction="jes"))
    assert ak.all(nominal.event_id == up.event_id) and len(up) > 200

    def change(name: str, shifted: ak.Array) -> np.ndarray:
        return ak.to_numpy(shifted[name]) / ak.to_numpy(nominal[name])

    assert (change("pt", up) > 1.004).all()
    for name in ("hardness", "half_mass", "sqrt_d12", "msoftdrop"):
        np.testing.assert_allclose(change(name, up), change("pt", up), rtol=1e-6)
    assert ak.all(up.kt_dr == nominal.kt_dr)

    mass = selected(tmp_path, JetShift(quantity="mass", side="up", correction="jms"))
    assert (change("mass", mass) > 1.004).all()
    np.testing.assert_allclose(change("half_mass", mass), change("mass", mass), rtol=1e-6)
    assert ak.all(mass.hardness == nominal.hardness)

    names = Smearing(resolution="jmr_resolution", scale_factor="jmr_scale_factor")
    width = JetShift(quantity="mass_resolution", side="up", smearing=names)
    smeared = selected(tmp_path, width)
    np.testing.assert_allclose(
        change("half_mass", smeared), change("msoftdrop", smeared), rtol=1e-5
    )
    assert np.abs(change("half_mass", smeared) - 1).max() > 0.01
    assert ak.all(smeared.hardness == nominal.hardness)

    assert axis_label("hardness") == "Hardness of the constituents [GeV]"
    assert "hardness" in catalogue.known_features() and "hardness" in catalogue.columns()
    assert "hardness   " in table() and "sqrt(sum_i pT_i^2)." in table()
    assert catalogue.default_features() == list(DEFAULT)


@pytest.mark.usefixtures("added")
def test_a_new_observable_may_be_configured_and_is_checked(tmp_path: Path) -> None:
    files = {
        "top": write_nano(tmp_path / "plain.root"),
        "w": write_nano(tmp_path / "full.root", constituents=True, run=2),
    }
    samples = {
        name: {"source": "root", "files": [str(file)], "label": name, "xsec": 1.0}
        for name, file in files.items()
    }
    user = {
        "samples": samples,
        "models": {"bdt": {"kind": "bdt", "features": ["mass", "half_mass"]}},
        "infer": {"signal": ["top"]},
        "templates": {
            "variable": "hardness",
            "regions": {"pass": {"model": "bdt", "score": "p_top", "range": [0.5, 1.0]}},
        },
        "systematics": None,
    }
    config, _ = load(user, tmp_path, "my.yaml")
    wanted = needs(config, {})
    assert wanted["top"].columns == {
        "mass": ["models.bdt"], "half_mass": ["models.bdt"], "hardness": ["templates.variable"],
    }  # fmt: skip
    report = check(CheckInputs(samples=config.samples, needs=wanted))
    assert report.problems == [
        f"samples.top: {files['top']} has no jet constituents: {name} needs it, name another column"
        for name in ("hardness of templates.variable", "half_mass of models.bdt")
    ]


def test_declarations_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="two observables of the name tau1"):

        @observable("Again")
        def tau1(jets: Jets) -> np.ndarray:
            return jets.tau[0]

    with pytest.raises(ValueError, match="m: a mass must be in GeV, not 'rad'"):
        Column(name="m", title="Mass", unit=Unit.RAD, mass=True)


# --- what is declared -----------------------------------------------------------------------------


def test_planning_needs_the_standard_library_alone() -> None:
    code = (
        "import sys; from boostflow.observables import catalogue, declare, definitions; "
        "print({'numpy', 'numba', 'awkward', 'pydantic'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_order_and_defaults() -> None:
    """Baselines, trees and tables depend on the order bit by bit."""
    assert catalogue.default_features() == list(DEFAULT)
    trees = BDT().features
    assert trees[: len(DEFAULT)] == list(DEFAULT) and len(set(trees)) == len(trees)
    assert set(trees) <= {*DEFAULT, *FURTHER}
    assert catalogue.stored_observables() == [*DEFAULT, *FURTHER, *LIFETIMES]
    assert BDT().reads().columns == ()
    assert BDT(features=["c2"]).reads().columns == ("c2",)


def test_what_may_be_taken_and_drawn() -> None:
    assert catalogue.known_features() == sorted({*DEFAULT, *FURTHER, *LIFETIMES, *ALSO})
    more = {"phi", "ht", "met_pt", "mjj"}
    assert catalogue.columns() == sorted({*DEFAULT, *FURTHER, *LIFETIMES, *ALSO, *more})


def test_what_moves() -> None:
    assert set(catalogue.energies()) == {
        *("pt", "mass", "msoftdrop", "mtrimmed", "sqrt_d12", "sqrt_d23", "qw", "pf_pt", "pf_mass"),
        *("sv_pt", "sv_mass", "vertex_mass"),
        *(f"constituent_pt{k}" for k in range(1, 9)),
        *LAYERS,
    }
    groomed = {one.name: one.groomed for one in catalogue.masses()}
    assert groomed == {"mass": False, "msoftdrop": True, "mtrimmed": True}


def test_every_column_is_declared_once(tmp_path: Path) -> None:
    """But for those that identify, label or weigh a jet."""
    names = [*OBSERVABLES, *(one.name for one in catalogue.OTHERS)]
    assert len(set(names)) == len(names)
    titles = [one.title for one in catalogue.declared().values()]
    assert len(set(titles)) == len(titles)
    ingested(
        write_nano(
            tmp_path / "a.root",
            constituents=True,
            generator_jets=True,
            rho="fixedGridRhoFastjetAll",
        )
    )
    found = {name for name in selected(tmp_path, None).fields if not name.startswith("weight")}
    of_files = {"run", "luminosityBlock", "event", "event_id", "entry", "jet_index", "label"}
    unknown = found - catalogue.declared().keys() - of_files
    assert unknown == {"genWeight", "split", "candidate"}
    assert catalogue.declared().keys() - found == {
        *("tau4", "area", "raw_factor", *EMBEDDING, *LAYERS),
        *(name for name in catalogue.declared() if catalogue.of_tracks(name)),
    }


def test_layers_of_jets_are_those_of_the_calorimeter() -> None:
    """Planning cannot ask the calorimeter for their number."""
    from boostflow.calorimeter import geometry
    from boostflow.nanoaod import LAYERS
    from boostflow.observables.catalogue import EM_LAYERS

    assert len(EM_LAYERS) == len(geometry.LAYERS)
    assert list(LAYERS.items())[1] == ("em_layer_1", "FatJet_emLayer1") and [*LAYERS] == [
        *EM_LAYERS
    ]


def test_columns_that_nobody_declares_are_called_by_their_name() -> None:
    assert catalogue.column("p_top") == Column(name="p_top", title="p_top")
    assert catalogue.column("mjj").of is Of.EVENT


# --- what a file must have ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "lacking"),
    [
        ({"constituents": True}, set()),
        ({"constituents": True, "drop": ("PFCands_charge", "PFCands_pdgId")}, {"charge"}),
        ({}, {*FURTHER, "c2", "d2", "e3", "sqrt_d12", "sqrt_d23", "multiplicity"}),
        (
            {"drop": ("FatJet_tau1", "FatJet_msoftdrop")},
            {*FURTHER, *DEFAULT} - {"pt", "mass", "tau2", "tau3", "tau32"},
        ),
        (
            {"constituents": True, "drop": ("PFCands", "FatJet_tau3")},
            {*FURTHER, *DEFAULT}
            - {"pt", "mass", "tau1", "tau2", "tau21", "msoftdrop", "multiplicity"},
        ),
    ],
    ids=["all", "no charges", "plain", "less", "counted"],
)
def test_what_ingest_can_have_is_known_beforehand(
    tmp_path: Path, options: dict, lacking: set[str]
) -> None:
    file = write_nano(tmp_path / "a.root", **options)
    features = inspect(str(file), Ingest(), RootContent(), data=False, match="top")[0]
    rows = ingested(file)
    there = features.observables()
    assert there == {*DEFAULT, *FURTHER} - {"pt", "mass"} - lacking
    assert there == set(rows.fields) & OBSERVABLES.keys() - {"pt", "mass"}


def test_needs_in_words() -> None:
    found = {name: OBSERVABLES[name].needs for name in ("c2", "charge", "msoftdrop", "tau21")}
    assert found == {
        "c2": "jet constituents",
        "charge": "jet constituents with charges",
        "msoftdrop": "jet constituents or FatJet_msoftdrop",
        "tau21": "jet constituents, or tau2 and tau1",
    }
    assert catalogue.without_charges() == "the observable charge is off"


def test_the_command_lists_all(capsys: pytest.CaptureFixture[str]) -> None:
    main(["observables"])
    lines = capsys.readouterr().out.splitlines()
    first = [line.split()[0] for line in lines if line.strip()]
    assert [name for name in first if name in OBSERVABLES] == [*DEFAULT, *FURTHER, *LIFETIMES]
    assert any(line.split()[:3] == ["msoftdrop", "GeV", "yes"] for line in lines if line)


def test_columns_of_the_background_estimates() -> None:
    cut = {"column": "tau32", "range": [0.0, 0.5]}
    block = Background(
        sideband=Sideband(variable="mtrimmed", within=cut),
        control={"few": Control(samples=["top"], model="bdt", column="p_top", range=[0.0, 0.5])},
        abcd={"y": {"column": "d2", "signal": [0, 1], "control": [1.5, 2], "jet": "second"}},
    )
    assert block.columns() == {
        "sideband.variable": "mtrimmed", "sideband.within": "tau32", "abcd.y": "d2",
    }  # fmt: skip
