"""Toy jets for UCluster: exact masses, constituents isotropic in the rest frame of two prongs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import awkward as ak
import numpy as np
import yaml

from boostflow.io import write_parquet
from boostflow.models.ucluster import store
from boostflow.models.ucluster.block import UCluster

MASSES = {"w": (80.0, 3.0), "z": (91.0, 3.0), "top": (170.0, 8.0)}
"""Mean and width of the mass (GeV)."""


def constituents(rng: np.random.Generator, mass: float, pt: float, n: int) -> np.ndarray:
    """(n, 4) momenta (E, px, py, pz) with total mass `mass` and transverse momentum `pt` (GeV)."""
    axis = rng.normal(size=3)
    p = 0.3 * rng.normal(size=(n, 3)) + np.where(np.arange(n) % 2, 1, -1)[:, None] * axis
    p *= rng.exponential(size=(n, 1))
    p -= p.mean(0)
    e = np.linalg.norm(p, axis=1)
    p, e = p * mass / e.sum(), e * mass / e.sum()
    gamma = np.hypot(pt, mass) / mass
    beta_gamma = pt / mass
    return np.stack(
        [gamma * e + beta_gamma * p[:, 0], gamma * p[:, 0] + beta_gamma * e, p[:, 1], p[:, 2]], 1
    )


def jets(label: str, count: int, seed: int, size: Sequence[int] = (12, 30)) -> ak.Array:
    """Selected jets of one class with the columns that UCluster reads."""
    rng = np.random.default_rng([seed, list(MASSES).index(label)])
    rows, counts, whole = [], rng.integers(*size, count), []
    masses = rng.normal(*MASSES[label], count)
    for mass, n in zip(masses, counts, strict=True):
        p = constituents(rng, mass, rng.uniform(800, 1200), n)
        angle = rng.uniform(-np.pi, np.pi)
        x, y = p[:, 1].copy(), p[:, 2].copy()
        p[:, 1] = np.cos(angle) * x - np.sin(angle) * y
        p[:, 2] = np.sin(angle) * x + np.cos(angle) * y
        p = p[np.argsort(-np.hypot(p[:, 1], p[:, 2]))]
        rows.append(p)
        whole.append(p.sum(0))
    return table(np.concatenate(rows), counts, np.array(whole), label, rng)


def table(
    p: np.ndarray, counts: np.ndarray, total: np.ndarray, label: str, rng: np.random.Generator
) -> ak.Array:
    """Columns from momenta (P, 4) and jets (N, 4)."""

    def coordinates(v: np.ndarray) -> tuple[np.ndarray, ...]:
        pt = np.hypot(v[:, 1], v[:, 2])
        mass = np.sqrt(np.maximum(v[:, 0] ** 2 - (v[:, 1:] ** 2).sum(1), 0))
        return pt, np.arcsinh(v[:, 3] / pt), np.arctan2(v[:, 2], v[:, 1]), mass

    columns = {
        f"pf_{name}": ak.unflatten(values.astype(np.float32), counts)
        for name, values in zip(("pt", "eta", "phi", "mass"), coordinates(p), strict=True)
    }
    # Massless constituents: rounding must not turn into a mass.
    columns["pf_mass"] = columns["pf_mass"] * np.float32(0)
    jet = dict(zip(("pt", "eta", "phi", "mass"), coordinates(total), strict=True))
    n = len(counts)
    columns |= {name: values.astype(np.float32) for name, values in jet.items()}
    columns["msoftdrop"] = (jet["mass"] * rng.normal(0.98, 0.03, n)).astype(np.float32)
    columns["mtrimmed"] = (jet["mass"] * rng.normal(0.97, 0.03, n)).astype(np.float32)
    columns["event_id"] = np.arange(n, dtype=np.uint64)
    columns["label"] = np.full(n, label)
    columns["split"] = (np.arange(n) % 3 == 2).astype(np.int8)
    return ak.zip(columns, depth_limit=1)


def files(folder: Path, count: int = 120, seed: int = 1) -> list[Path]:
    """One select file for each class, `count` jets each, two thirds of them for training."""
    paths = []
    for label in MASSES:
        path = folder / f"{label}.parquet"
        write_parquet(path, jets(label, count, seed))
        paths.append(path)
    return paths


def packed(folder: Path, config: UCluster, inputs: Sequence[Path] | None = None) -> Path:
    """The packed jets of some files (of `files` by default) in a new folder."""
    folder.mkdir(exist_ok=True)
    output = folder / "packed"
    store.write(files(folder) if inputs is None else inputs, config, output)
    return output


SETTINGS = Path(__file__).parents[1] / "models/ucluster/conformance.yaml"
SMALL = {"kind": "ucluster", **yaml.safe_load(SETTINGS.read_text())["block"]}
"""A configuration that trains in seconds."""
