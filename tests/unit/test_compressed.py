"""Jets as they come back from a compression: within bounds, in their order, with no new ones."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
import pytest

from boostflow.config.load import load
from boostflow.config.rounding import Rounded
from boostflow.errors import BoostflowError
from boostflow.select.compressed import compressed

COLUMNS = {
    "pt": Rounded(type="positive", bound=1e-2),
    "mass": Rounded(type="positive", bound=1e-2),
    "phi": Rounded(type="angle", bound=1e-2),
}


def test_jets_stay_in_order_and_cross_a_threshold_only_within_the_bound() -> None:
    rng = np.random.default_rng(1)
    pt = np.sort(rng.exponential(200, 5000) + 400)[::-1].astype(np.float32)
    rows = ak.Array(
        {
            "pt": pt,
            "mass": rng.exponential(50, 5000).astype(np.float32) * (rng.random(5000) > 0.1),
            "phi": rng.uniform(-np.pi, np.pi, 5000),
            "tau21": rng.random(5000),
        }
    )
    found = compressed(rows, COLUMNS)
    back = ak.to_numpy(found.pt)
    assert found.fields == rows.fields and back.dtype == np.float32
    assert ak.all(found.tau21 == rows.tau21)
    assert (np.diff(back) <= 0).all() and (back != pt).any()
    crossed = (back >= 500) != (pt >= 500)
    assert crossed.any() and (np.abs(pt[crossed] / 500 - 1) <= 1e-2).all()
    assert ak.all(found.mass >= 0) and ak.all((found.mass == 0) == (rows.mass == 0))


def test_nothing_is_compressed_where_nothing_is_declared() -> None:
    rows = ak.Array({"pt": [1.0]})
    assert compressed(rows, {}) is rows
    with pytest.raises(BoostflowError, match="no column mass, phi"):
        compressed(rows, COLUMNS)


@pytest.mark.parametrize(
    ("model", "why"),
    [
        ("jet", r"lossy\.model: unknown model 'jet'.*did you mean 'jets'"),
        ("trees", r"lossy\.model: trees compresses no columns"),
    ],
)
def test_the_model_of_a_variation_has_to_compress(
    model: str, why: str, repository: Path, tmp_path: Path
) -> None:
    (tmp_path / "systematics.yaml").write_text(f"lossy: {{ kind: compression, model: {model} }}")
    raw = {
        "models": {"jets": {"kind": "autoencoder"}, "trees": {"kind": "bdt"}},
        "systematics": str(tmp_path / "systematics.yaml"),
    }
    with pytest.raises(BoostflowError, match=why):
        load(raw, repository)
