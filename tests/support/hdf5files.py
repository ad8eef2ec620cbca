"""Small HDF5 files in the layouts of public sets, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

PARTICLES = 700

PARTICLE_NAMES = (
    *("j1_px", "j1_py", "j1_pz", "j1_e", "j1_erel", "j1_pt", "j1_ptrel", "j1_eta", "j1_etarel"),
    *("j1_etarot", "j1_phi", "j1_phirel", "j1_phirot", "j1_deltaR", "j1_costheta"),
    *("j1_costhetarel", "j1_pdgid"),
)
"""As in the published files: 17 names for 16 columns."""

CLASSES = ("j_g", "j_q", "j_w", "j_z", "j_t", "j_undef")
JET_NAMES = (
    *("j_ptfrac", "j_pt", "j_eta", "j_mass"),
    *(f"j_{what}" for what in ("tau1_b1", "tau2_b1", "tau3_b1", "zlogz", "c1_b0", "mass_trim")),
    *(f"j_filler{i}" for i in range(42)),
    "j_multiplicity",
    *CLASSES,
)
"""59 names: kinematics, substructure (its middle shortened here), one-hot classes."""


def dijets(events: int, seed: int = 1) -> np.ndarray:
    """Events with two back-to-back sprays of particles, as padded (events, 700, 3) pT, eta, phi."""
    rng = np.random.default_rng(seed)
    table = np.zeros((events, PARTICLES, 3))
    for event in table:
        phi = rng.uniform(-np.pi, np.pi)
        rows = []
        for axis in (phi, phi + np.pi):
            n = rng.integers(20, 40)
            pt = rng.dirichlet(np.ones(n)) * rng.uniform(900, 1100)
            eta = rng.uniform(-1, 1) + rng.normal(0, 0.15, n)
            rows.append(np.column_stack([pt, eta, axis + rng.normal(0, 0.15, n)]))
        particles = np.concatenate(rows)
        particles[:, 2] = (particles[:, 2] + np.pi) % (2 * np.pi) - np.pi
        event[: len(particles)] = particles[np.argsort(-particles[:, 0])]
    return table


GZIP = {"compression": "gzip"}


def write_lhco(
    path: Path,
    particles: np.ndarray,
    label: np.ndarray | None = None,
    *,
    key: str = "df",
    compression: Mapping[str, Any] = GZIP,
) -> Path:
    """What pandas' `to_hdf(path, key)` writes of a table of floats in its fixed format.

    Args:
        path: file to write.
        particles: (events, 700, 3) pT, eta, phi.
        label: (events) 1 signal, 0 background; None for a black box.
        key: name of the table.
        compression: options of h5py.
    """
    table = particles.reshape(len(particles), -1)
    if label is not None:
        table = np.column_stack([table, label])
    with h5py.File(path, "w") as file:
        group = file.create_group(key)
        group.attrs["pandas_type"] = np.bytes_("frame")
        group.attrs["pandas_version"] = np.bytes_("0.15.2")
        group["axis0"] = np.arange(table.shape[1])
        group["axis1"] = np.arange(table.shape[0])
        group["block0_items"] = np.arange(table.shape[1])
        values = group.create_dataset("block0_values", data=table, **compression)
        values.attrs["transposed"] = True
    return path


def sprays(jets: int, width: int = 100, seed: int = 1) -> np.ndarray:
    """Constituents of single jets, padded (jets, width, 4) px, py, pz, E by falling pT."""
    rng = np.random.default_rng(seed)
    momenta = np.zeros((jets, width, 4))
    for jet in momenta:
        n = rng.integers(10, width + 1)
        pt = np.sort(rng.dirichlet(np.ones(n)))[::-1] * rng.uniform(900, 1100)
        eta = rng.uniform(-2, 2) + rng.normal(0, 0.1, n)
        phi = rng.uniform(-np.pi, np.pi) + rng.normal(0, 0.1, n)
        mass = rng.choice([0.0, 0.13957, 0.4976], n)
        pz = pt * np.sinh(eta)
        e = np.sqrt(pt**2 + pz**2 + mass**2)
        jet[:n] = np.column_stack([pt * np.cos(phi), pt * np.sin(phi), pz, e])
    # The published values are float32 in float64 columns.
    return momenta.astype(np.float32).astype(np.float64)


def write_hls4ml(path: Path, momenta: np.ndarray, label: list[str], **change: Any) -> Path:
    """A file of jets in the layout of the published ones.

    Args:
        path: file to write.
        momenta: (jets, width, 4) px, py, pz, E.
        label: of each jet, g, q, w, z, t or undef.
        change: datasets that replace those of the layout; None leaves one out.
    """
    px, py, pz, e = momenta.sum(axis=1).T
    jets = np.zeros((len(momenta), len(JET_NAMES)))
    pt = np.hypot(px, py)
    for name, values in {
        "j_pt": pt,
        "j_eta": np.arcsinh(pz / pt),
        "j_mass": np.sqrt(np.maximum(e**2 - px**2 - py**2 - pz**2, 0)),
    }.items():
        jets[:, JET_NAMES.index(name)] = values
    for row, name in enumerate(label):
        jets[row, JET_NAMES.index(f"j_{name}")] = 1
    particles = np.zeros((*momenta.shape[:2], 16))
    particles[..., :4] = momenta
    particles[..., 5] = np.hypot(momenta[..., 0], momenta[..., 1])
    content = {
        "jets": jets,
        "jetConstituentList": particles,
        "jetFeatureNames": np.array(JET_NAMES, dtype="S"),
        "particleFeatureNames": np.array(PARTICLE_NAMES, dtype="S"),
        "jetImage": np.zeros((len(momenta), 10, 10)),
    } | change
    with h5py.File(path, "w") as file:
        for name, values in content.items():
            if values is not None:
                file.create_dataset(name, data=values, compression="gzip")
    return path
