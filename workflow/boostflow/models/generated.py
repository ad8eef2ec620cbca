"""What all models that generate showers share at run time: training data, and their showers."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from boostflow.calorimeter.columns import CELL_COLUMNS, ENERGY
from boostflow.calorimeter.geometry import CELLS
from boostflow.calorimeter.shapes import layers, shapes
from boostflow.errors import BoostflowError
from boostflow.io import parquet_columns, read_flat, read_json, require_rows
from boostflow.models.family import families
from boostflow.models.generating import PREFIX
from boostflow.scored import TRAIN
from boostflow.seeds import derive
from boostflow.training.manifest import model_folder

if TYPE_CHECKING:
    from boostflow.jobs.models import Train
    from boostflow.models.generating import GenerativeBlock

log = logging.getLogger("generated")

CHUNK = 1024
"""Showers that are generated at a time."""


class Examples(NamedTuple):
    """Showers of the training, N of them."""

    energy: NDArray[np.float64]
    """Energy of the particle (GeV), shape (N,)."""
    cells: NDArray[np.float32]
    """Energy in each cell (MeV), shape (N, 504)."""
    split: NDArray[np.integer]
    """Part of the data, shape (N,)."""

    def of(self, part: int) -> Examples:
        """The showers of one part of the data.

        Raises:
            BoostflowError: there are none.
        """
        keep = self.split == part
        if not keep.any():
            raise BoostflowError("no showers in a split: more of them are needed")
        return Examples(*(values[keep] for values in self))

    def about(self) -> dict[str, Any]:
        """What the manifest of a model says of them: the range of energies (GeV), and cells."""
        return {"energies": [float(self.energy.min()), float(self.energy.max())], "cells": CELLS}


def read(inputs: Sequence[Path]) -> Examples:
    """Showers of select tables.

    Raises:
        BoostflowError: a file is missing, has no showers, or is of another calorimeter.
    """
    require_rows(inputs)
    columns = [ENERGY, *CELL_COLUMNS, "split"]
    for path in inputs:
        if lost := set(columns) - set(parquet_columns(path)):
            raise BoostflowError(
                f"{path}: is no table of showers of this calorimeter: {len(lost)} of the"
                f" {len(columns)} columns are missing ({ENERGY}, cells, split)"
            )
    parts = [read_flat(path, columns) for path in inputs]
    return Examples(
        np.concatenate([part[ENERGY] for part in parts]).astype(np.float64),
        np.concatenate([cells_of(part) for part in parts]),
        np.concatenate([part["split"] for part in parts]),
    )


def mirrored(cells: NDArray) -> NDArray:
    """Cells of showers and of their three mirror images, shape (4 N, 504).

    Particles enter in the middle, so images of showers are as likely as these.
    """
    images = layers(cells)
    found = []
    for rows in (1, -1):
        for places in (1, -1):
            turned = [image[:, ::rows, ::places].reshape(len(cells), -1) for image in images]
            found.append(np.concatenate(turned, axis=1))
    return np.concatenate(found)


class Fitted(Protocol):
    """What has been learned of showers."""

    def write(self, folder: Path) -> None:
        """Write it into the folder of a model."""


def fitted(
    files: Train.Files,
    config: GenerativeBlock,
    fit: Callable[[Examples], tuple[Fitted, Iterable[float]]],
) -> None:
    """Learn from the showers of the training, and write the model's folder.

    Args:
        files: tables of showers, and the folder to write.
        config: the model's block.
        fit: what the family learns of showers, and the loss on the way.

    Raises:
        BoostflowError: a column is missing, or there are too few showers.
    """
    start = time.monotonic()
    every = read(files.jets)
    found, loss = fit(every.of(TRAIN))
    history = {"loss": [float(value) for value in loss]}
    about = every.about()
    with model_folder(files, config, start, {"history": history}, **about) as folder:
        found.write(folder)


def cells_of(table: Mapping[str, NDArray]) -> NDArray[np.float32]:
    """Energies in cells (MeV), shape (N, 504), from columns."""
    return np.stack([table[name] for name in CELL_COLUMNS], axis=1).astype(np.float32)


def generate(model: Path, energy: NDArray, seed: int) -> NDArray[np.float32]:
    """Cells (MeV) of new showers, shape (N, 504).

    Args:
        model: folder of the trained model.
        energy: of the particles (GeV), shape (N,).
        seed: the same one gives the same showers.

    Raises:
        BoostflowError: an energy is outside of the range of the training, or the model is of
            another calorimeter.
    """
    about = described(model)
    low, high = about["energies"]
    energy = np.asarray(energy, np.float64)
    if (bad := ~((energy >= low) & (energy <= high))).any():
        raise BoostflowError(
            f"{model}: an energy of {energy[bad][0]:g} GeV; it was trained between {low:g} and"
            f" {high:g} GeV and does not go beyond"
        )
    generator = families()[about["kind"]].module("generator").load(model)
    rng = np.random.default_rng(seed)
    found = np.empty((len(energy), CELLS), np.float32)
    for first in range(0, len(energy), CHUNK):
        part = slice(first, first + CHUNK)
        found[part] = generator.generate(energy[part], rng)
    return found


def score(model: Path, jets: ak.Array, threads: int = 1) -> dict[str, NDArray[np.float32]]:
    """Shapes of a generated shower for each shower, of the same energy; shape (N,) each.

    They are NaN where the energy is outside of the range of the training.

    Args:
        model: folder of the trained model.
        jets: with the energy of the particle.
        threads: not used.

    Raises:
        BoostflowError: see `generate`, or the energy is missing.
    """
    if ENERGY not in jets.fields:
        raise BoostflowError(f"jets: no column {ENERGY}, which showers are generated for")
    energy = ak.to_numpy(jets[ENERGY]).astype(np.float64)
    about = described(model)
    low, high = about["energies"]
    inside = (energy >= low) & (energy <= high)
    if lost := int((~inside).sum()):
        log.warning(
            "%s: %d of %d showers have energies that it was not trained for (%g to %g GeV): NaN",
            *(model, lost, len(energy), low, high),
        )
    cells = generate(model, energy[inside], derive(int(about["seed"]), "score", len(energy)))
    result = {}
    for name, values in shapes(energy[inside], cells).items():
        column = np.full(len(energy), np.nan, np.float32)
        column[inside] = values
        result[f"{PREFIX}{name}"] = column
    return result


def described(model: Path) -> dict[str, Any]:
    """What the manifest of a trained model says.

    Raises:
        BoostflowError: it is of no model that generates showers, or of another calorimeter.
    """
    about: dict[str, Any] = read_json(model / "manifest.json")
    if not {"kind", "energies", "cells", "seed"} <= set(about):
        raise BoostflowError(f"{model}: is no model that generates showers")
    if about["cells"] != CELLS:
        raise BoostflowError(
            f"{model}: is of a calorimeter of {about['cells']} cells, this one has {CELLS}: train"
            " it again"
        )
    return about
