"""Scores of jets by any model, from the folder of its training."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from boostflow.errors import BoostflowError
from boostflow.io import read_json
from boostflow.models.decorrelation import add
from boostflow.models.family import families

if TYPE_CHECKING:
    import awkward as ak
    from numpy.typing import NDArray

log = logging.getLogger("score")


def manifest(model: Path) -> dict[str, Any]:
    """What the folder of a trained model says of itself.

    Raises:
        BoostflowError: it says nothing, or the file is damaged.
    """
    path = model / "manifest.json"
    found = read_json(path)
    classes = found.get("classes", []) if isinstance(found, dict) else None
    if not isinstance(classes, list) or not isinstance(found.get("kind"), str):
        raise BoostflowError(
            f"{path}: is no manifest of a model: it needs `kind`, and a list of classes"
        )
    return found


def score(
    model: Path, jets: ak.Array, threads: int = 1, sample: str = "jets"
) -> Mapping[str, NDArray]:
    """Score jets with whatever kind of model lies in the directory `model`.

    Args:
        model: directory of a trained model.
        jets: selected jets.
        threads: that compute at the same time.
        sample: name of their sample, for messages.

    Returns:
        Columns of the score table, each of shape (jets,), decorrelated ones included.

    Raises:
        BoostflowError: the directory is no model, its kind is not known, the jets lack a column
            that it needs, or the family's own code fails.
    """
    return add(model, manifest(model), jets, by_family(model, jets, threads, sample))


def by_family(
    model: Path, jets: ak.Array, threads: int = 1, sample: str = "jets"
) -> Mapping[str, NDArray]:
    """The scores that the model's family gives, without decorrelated ones; see `score`."""
    kind = manifest(model)["kind"]
    family = families().get(kind)
    if family is None:
        raise BoostflowError(f"{model}: no family of models is called {kind!r}")
    try:
        return family.module("score").score(model, jets, threads)
    except BoostflowError:
        raise
    except Exception as error:
        # What an author of the family needs is in the log; what a user needs is one line.
        log.exception("scoring with the family %s", kind)
        raise BoostflowError(
            f"{model}: the family {kind} cannot score the jets of {sample}: {error!r}"
        ) from None
