"""Ingested jets and correctionlib files for tests of shifts."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np

from boostflow.ingest.eventid import event_id

NAME = "Summer22_22Sep2023_{}_AK8PFPuppi"
SOURCES = ("V3_MC_AbsoluteMPFBias", "V3_MC_RelativeBal")
RESOLUTION, SCALE_FACTOR = "JRV1_MC_PtResolution", "JRV1_MC_ScaleFactor"


def toy_jets(
    events: int, width: float = 0.05, seed: int = 1, unmatched: float = 0.0, mass: float = 0.05
) -> ak.Array:
    """Two jets an event whose response to pT and mass of the generator jet is a Gaussian.

    Args:
        events: number of events.
        width: relative resolution of pT.
        seed: of the random numbers.
        unmatched: part of the jets that have no generator jet.
        mass: relative resolution of the mass.
    """
    rng = np.random.default_rng(seed)
    n = 2 * events
    gen_pt = np.sort(rng.uniform(400, 1400, (events, 2)), axis=1)[:, ::-1].ravel()
    gen_mass = rng.uniform(60, 180, n)
    pt = gen_pt * rng.normal(1, width, n)
    seen = gen_mass * rng.normal(1, mass, n)
    lost = rng.random(n) < unmatched
    columns = {
        "pt": pt,
        "eta": rng.uniform(-2.4, 2.4, n),
        "phi": rng.uniform(-np.pi, np.pi, n),
        "mass": seen,
        "msoftdrop": 0.9 * seen,
        "tau21": rng.uniform(0, 1, n),
        "gen_pt": np.where(lost, np.nan, gen_pt),
        "gen_mass": np.where(lost, np.nan, gen_mass),
        "rho": np.repeat(rng.uniform(10, 50, events), 2),
        "met_pt": np.repeat(rng.uniform(0, 100, events), 2),
        "met_phi": np.repeat(rng.uniform(-np.pi, np.pi, events), 2),
        "ht": np.repeat(pt.reshape(-1, 2).sum(axis=1), 2),
    }
    return ak.zip(
        {
            "event_id": np.repeat(
                event_id(np.ones(events), np.full(events, seed), np.arange(events)), 2
            ),
            "entry": np.repeat(np.arange(events), 2),
            "jet_index": np.tile(np.array([0, 1], "i2"), events),
            **{name: values.astype("f4") for name, values in columns.items()},
        },
        depth_limit=1,
    )


def correction(name: str, inputs: list[str], data: Any) -> dict[str, Any]:
    """A correction as correctionlib's JSON has it; `systematic` is a string, all else real."""
    return {
        "name": name,
        "version": 1,
        "inputs": [{"name": x, "type": "string" if x == "systematic" else "real"} for x in inputs],
        "output": {"name": "correction", "type": "real"},
        "data": data,
    }


def scale_factor(nom: float, up: float, down: float) -> dict[str, Any]:
    """Data of a correction that depends on `systematic` alone."""
    values = {"nom": nom, "up": up, "down": down}
    return {
        "nodetype": "category",
        "input": "systematic",
        "content": [{"key": key, "value": value} for key, value in values.items()],
    }


def write_corrections(path: Path, corrections: list[dict[str, Any]]) -> Path:
    """A correctionlib file; compressed if its name ends in .gz."""
    text = json.dumps({"schema_version": 2, "corrections": corrections})
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def binned(centre: Any, forward: Any, variable: str = "JetEta") -> dict[str, Any]:
    """Data in three bins of eta, undefined beyond 5.191, as in public CMS files."""
    return {
        "nodetype": "binning",
        "input": variable,
        "edges": [-5.191, -1.305, 1.305, 5.191],
        "content": [forward, centre, forward],
        "flow": "error",
    }


def formula(expression: str, *variables: str) -> dict[str, Any]:
    """A formula node."""
    return {
        "nodetype": "formula",
        "expression": expression,
        "parser": "TFormula",
        "variables": list(variables),
    }


def cms_layout(path: Path, names: dict[str, str] | None = None) -> Path:
    """A file in the public layout of CMS: two sources, resolution, scale factor.

    Args:
        path: file to write.
        names: other names of the corrections, by SOURCES, RESOLUTION and SCALE_FACTOR.
    """
    names = names or {}
    source = binned(formula("0.005+2/x", "JetPt"), formula("0.01+4/x", "JetPt"))
    resolution = binned(
        formula("sqrt(0.03^2+1/x+(y/x)^2)", "JetPt", "Rho"),
        formula("sqrt(0.05^2+1/x+(y/x)^2)", "JetPt", "Rho"),
    )
    scale = binned(scale_factor(1.1, 1.15, 1.05), scale_factor(1.2, 1.3, 1.1))
    contents = {
        **{key: (["JetEta", "JetPt"], source) for key in SOURCES},
        RESOLUTION: (["JetEta", "JetPt", "Rho"], resolution),
        SCALE_FACTOR: (["JetEta", "JetPt", "systematic"], scale),
    }
    return write_corrections(
        path,
        [
            correction(names.get(key, NAME.format(key)), inputs, data)
            for key, (inputs, data) in contents.items()
        ],
    )
