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
    content: dict[str, Any] = {HEADER: np.array(json.dumps(header)), **arrays}
    with atomic(path) as part, part.open("wb") as file:
        np.savez(file, **content)


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


def numbered(variables: Sequence[Any]) -> dict[str, NDArray]:
    """Values of Keras variables by their place, `0`, `1` ... in the list.

    Names would not do: Keras counts those that it makes up in each process.
    """
    return {str(i): v.numpy() for i, v in enumerate(variables)}


def restore(path: Path, variables: Sequence[Any], arrays: Mapping[str, NDArray]) -> None:
    """Assign what `numbered` gave to the same variables.

    Args:
        path: of the file, for the message.
        variables: Keras variables.
        arrays: their values.

    Raises:
        BoostflowError: their number or shapes do not fit; nothing has been assigned.
    """
    shapes = {str(i): tuple(v.shape) for i, v in enumerate(variables)}
    found = {name: a.shape for name, a in arrays.items()}
    if shapes != found:
        raise BoostflowError(f"{path}: does not fit this network")
    for i, variable in enumerate(variables):
        variable.assign(arrays[str(i)])
