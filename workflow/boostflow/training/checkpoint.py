"""Named arrays and a JSON header in one .npz file: checkpoints and the trained model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boostflow.errors import BoostflowError
from boostflow.io import atomic

MODEL = "model.npz"
"""The trained model in its directory."""
HEADER = "header"


def write(path: Path, header: Mapping[str, Any], arrays: Mapping[str, NDArray]) -> None:
    """Write atomically: a killed process leaves the older file or the new one, never a part."""
    with atomic(path) as part, part.open("wb") as file:
        np.savez(file, **{HEADER: np.array(json.dumps(header))}, **arrays)


def read(path: Path) -> tuple[dict[str, Any], dict[str, NDArray]]:
    """Header and arrays.

    Raises:
        BoostflowError: the file is missing, cut short, or none of ours.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        header = json.loads(str(arrays.pop(HEADER)))
        if not isinstance(header, dict):
            raise TypeError("its header is no object")
        return header, arrays
    except FileNotFoundError:
        raise BoostflowError(f"{path}: no such file") from None
    # zipfile and NumPy raise many kinds of errors on broken bytes; all mean the same to the user.
    except Exception as error:
        raise BoostflowError(f"{path}: damaged, or not written by boostflow ({error})") from None


def arrays_of(variables: Sequence[Any]) -> dict[str, NDArray]:
    """Values of Keras variables by their path."""
    return {v.path: v.numpy() for v in variables}


def restore(path: Path, variables: Sequence[Any], arrays: Mapping[str, NDArray]) -> None:
    """Assign arrays to the variables of the same paths.

    Raises:
        BoostflowError: names or shapes do not fit.
    """
    shapes = {v.path: tuple(v.shape) for v in variables}
    found = {name: a.shape for name, a in arrays.items()}
    if shapes != found:
        odd = sorted(n for n in {*shapes, *found} if shapes.get(n) != found.get(n))
        raise BoostflowError(f"{path}: does not fit this network: {', '.join(odd[:5])}")
    for v in variables:
        v.assign(arrays[v.path])
