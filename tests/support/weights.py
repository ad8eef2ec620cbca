"""NanoAOD-like files with weights, and corrections for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np

from support.jets import correction, write_corrections
from support.rootfiles import as_version, columns_of, write_nano, write_tree

PILEUP = "Collisions18_UltraLegacy_goldenJSON"
TOP_TAG = "Top_tagging_PUPPI"
EDGES = [0.0, 10.0, 20.0, 40.0, 60.0, 100.0]
PROFILES = {
    "nominal": [0.0, 0.8, 1.1, 1.3, 0.9],
    "up": [0.0, 0.7, 1.05, 1.4, 1.2],
    "down": [0.0, 0.95, 1.15, 1.2, 0.6],
}
"""Pile-up weights by bins of EDGES: all of them 0 in the first."""


def weighted_columns(columns: dict[str, Any]) -> dict[str, Any]:
    """The columns of a file with weights of events and jets, and what corrections take beside."""
    rng = np.random.default_rng(5)
    events, counts = len(columns["event"]), ak.num(columns["FatJet"].pt)
    jets = columns["FatJet"]
    number = int(ak.sum(counts))
    for side, shift in (("", 0.0), ("Up", 0.1), ("Down", -0.1)):
        values = ak.unflatten(rng.uniform(0.8, 1.2, number) + shift, counts)
        jets = ak.with_field(jets, ak.values_astype(values, "float32"), f"sf{side}")
        columns[f"puWeight{side}"] = (rng.uniform(0.7, 1.3, events) + shift).astype("f4")
    flavour = ak.unflatten(rng.choice([0, 4, 5], number).astype("u1"), counts)
    columns["FatJet"] = ak.with_field(jets, flavour, "hadronFlavour")
    columns["Pileup_nTrueInt"] = rng.integers(0, 70, events).astype("f4")
    return columns


def write_weighted(
    path: Path,
    events: int = 60,
    *,
    constituents: bool = False,
    change: dict[str, Any] | None = None,
) -> Path:
    """A file of NanoAOD v12, as PFNano has it if with constituents, and weights.

    Args:
        path: ROOT file to write.
        events: number of events.
        constituents: write those, too.
        change: columns in the place of others, or besides.
    """
    columns = columns_of(write_nano(path, events, seed=5, generator_jets=True, constituents=True))
    columns = weighted_columns(as_version(columns, "v12"))
    left_out = () if constituents else ("PFCands", "FatJetPFCands")
    columns = {name: values for name, values in columns.items() if name not in left_out}
    return write_tree(path, columns | (change or {}))


def with_pileup(path: Path) -> Path:
    """A file of `write_nano` with the number of interactions of each event."""
    columns = columns_of(path)
    columns["Pileup_nTrueInt"] = np.linspace(5, 65, len(columns["event"]), dtype="f4")
    return write_tree(path, columns)


def write_pileup(path: Path, profiles: dict[str, list[float]] | None = None) -> Path:
    """Pile-up weights in the layout of CMS: (NumTrueInteractions, weights)."""
    content = [
        {
            "key": key,
            "value": {
                "nodetype": "binning",
                "input": "NumTrueInteractions",
                "edges": EDGES,
                "content": values,
                "flow": "error",
            },
        }
        for key, values in (profiles or PROFILES).items()
    ]
    entry = correction(
        PILEUP,
        ["NumTrueInteractions", "weights"],
        {"nodetype": "category", "input": "weights", "content": content},
    )
    entry["inputs"][1]["type"] = "string"
    return write_corrections(path, [entry])


def write_top_tag(path: Path, lowest: float = 300.0) -> Path:
    """Scale factors in bins of |eta| and pT, from `lowest` on, and by flavour."""

    def by_pt(scale: float) -> dict[str, Any]:
        return {
            "nodetype": "multibinning",
            "inputs": ["abseta", "pt"],
            "edges": [[0.0, 1.0, 2.4], [lowest, lowest + 100, 600.0, "inf"]],
            "content": [scale * x for x in (0.9, 0.95, 1.0, 0.85, 0.92, 1.08)],
            "flow": "error",
        }

    def by_flavour(scale: float) -> dict[str, Any]:
        return {
            "nodetype": "category",
            "input": "flavor",
            "content": [{"key": key, "value": by_pt(scale + 0.01 * key)} for key in (0, 4, 5)],
        }

    sides = {"nom": 1.0, "up": 1.1, "down": 0.9}
    points = {
        "nodetype": "category",
        "input": "workingpoint",
        "content": [
            {
                "key": "1p0",
                "value": {
                    "nodetype": "category",
                    "input": "systematic",
                    "content": [{"key": k, "value": by_flavour(v)} for k, v in sides.items()],
                },
            }
        ],
    }
    entry = correction(TOP_TAG, ["abseta", "pt", "flavor", "systematic", "workingpoint"], points)
    entry["inputs"][2]["type"] = "int"
    entry["inputs"][4]["type"] = "string"
    return write_corrections(path, [entry])


def pileup(path: Path | str) -> dict[str, Any]:
    """The declaration of `write_pileup`."""
    return {
        "file": str(path),
        "correction": PILEUP,
        "inputs": {"NumTrueInteractions": "Pileup_nTrueInt"},
        "nominal": {"weights": "nominal"},
        "up": {"weights": "up"},
        "down": {"weights": "down"},
    }


def top_tag(path: Path | str) -> dict[str, Any]:
    """The declaration of `write_top_tag`."""
    return {
        "file": str(path),
        "correction": TOP_TAG,
        "inputs": {"abseta": "abs_eta", "pt": "FatJet_pt", "flavor": "FatJet_hadronFlavour"},
        "nominal": {"systematic": "nom", "workingpoint": "1p0"},
        "up": {"systematic": "up"},
        "down": {"systematic": "down"},
    }
