"""Networks on tracks and vertices, of which jets may have none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
from pydantic import TypeAdapter

from boostflow.config.config import Config
from boostflow.config.problems import Place
from boostflow.errors import BoostflowError
from boostflow.io import read_parquet, write_parquet
from boostflow.models.family import families
from boostflow.models.networks import TaggerBlock
from boostflow.models.score import score
from support import conformance

VERTICES = {
    "collection": "vertices",
    "particles": ["vertex_mass", "log_dlen_sig", "log_pt_rel", "vertex_tracks"],
    "constituents": 3,
    "epochs": 2,
    "batch": 32,
}


def jets(folder: Path, b: float = 1.2, light: float = 0.1) -> list[Path]:
    """Selected jets of two classes: so many vertices on average, at most three."""
    paths = []
    for number, (name, mean) in enumerate((("b", b), ("light", light))):
        rng = np.random.default_rng(number)
        counts = np.minimum(rng.poisson(mean, 240), 3)
        n = counts.sum()
        columns = {
            "pt": rng.uniform(20, 200, n),
            "eta": rng.normal(0, 0.1, n),
            "phi": rng.normal(0, 0.1, n),
            "mass": rng.uniform(0.5, 4, n),
            "dlenSig": rng.exponential(10, n) + 3,
            "ntracks": rng.integers(2, 5, n),
        }
        rows: dict[str, Any] = {f"sv_{x}": ak.unflatten(y, counts) for x, y in columns.items()}
        rows |= {"pt": np.full(240, 100.0), "mass": np.full(240, 9.0)}
        rows |= {x: np.zeros(240) for x in ("eta", "phi")}
        rows |= {"label": ak.Array([name] * 240), "split": (np.arange(240) % 3).astype("int8")}
        rows |= {"weight": np.ones(240), "event_id": np.arange(240, dtype="uint64")}
        rows |= {"jet_index": np.zeros(240, "int16")}
        paths.append(folder / f"{name}.parquet")
        write_parquet(paths[-1], ak.zip(rows, depth_limit=1))
    return paths


@pytest.mark.parametrize(
    ("kind", "more"), [("set", {}), ("sequence", {"layers": "convolution", "width": 8})]
)
def test_jets_without_vertices_have_a_score(tmp_path: Path, kind: str, more: dict) -> None:
    block = families()[kind].block(**VERTICES, **more)
    inputs = jets(tmp_path)
    model = conformance.train(inputs, block, tmp_path)
    for path in inputs:
        rows = read_parquet(path)
        found = score(model, rows)
        assert np.isfinite(found["p_b"]).all()
        none = ak.to_numpy(ak.num(rows.sv_pt)) == 0
        # They are all alike to the network.
        assert np.ptp(found["p_b"][none]) < 1e-6 < np.ptp(found["p_b"][~none])


def test_no_jet_has_a_vertex(tmp_path: Path) -> None:
    block = families()["set"].block(**VERTICES)
    said = "no labelled jet of b, light has vertices: there is nothing to train on"
    with pytest.raises(BoostflowError, match=said):
        conformance.train(jets(tmp_path, b=0, light=0), block, tmp_path)


def test_features_are_those_of_the_collection() -> None:
    block = families()["set"].block(**VERTICES | {"particles": ["vertex_mass", "charge"]})
    assert isinstance(block, TaggerBlock)
    assert {"sv_pt", "sv_dlenSig"} <= set(block.reads().columns)
    assert block.packing()["layout"]["collection"] == "vertices"
    config = TypeAdapter(Config).validate_python({})
    (problem,) = block.problems(Place("config", "models.x"), config)
    assert "unknown feature of vertices 'charge'" in str(problem)
