"""Decorrelated scores of any classifier: the map is made after its training and used in scoring.

The map lies in the folder of the model, as arrays in `decorrelation.npz`.
"""

from __future__ import annotations

import logging
import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from boostflow.binomial import effective
from boostflow.errors import BoostflowError
from boostflow.io import atomic, read_parquet
from boostflow.models.classifying import ClassifierBlock, Decorrelate
from boostflow.models.quantilemap import QuantileMap, fit
from boostflow.models.tabular import matrix
from boostflow.scored import TRAIN, VALIDATION
from boostflow.training.entry import RANK

if TYPE_CHECKING:
    import awkward as ak

    from boostflow.jobs.models import Train

log = logging.getLogger("train")

FILE = "decorrelation.npz"
FEWEST, FEW = 20, 500
"""Fewest background jets that the model did not learn from, and fewest without a warning."""

Scores = Mapping[str, NDArray]
"""Columns of a score table, each of shape (jets,)."""


@contextmanager
def decorrelated(job: Train, files: Train.Files) -> Iterator[Train.Files]:
    """Around a training: adds the map to the folder of the model, if its block wants one.

    Yields the files of the training; the folder gets its name when it is complete.

    Raises:
        BoostflowError: too few background jets, or a score that the model does not give; the same
            one on every rank.
    """
    block = job.model
    if not isinstance(block, ClassifierBlock) or block.decorrelate is None:
        yield files
        return
    wanted = block.decorrelate
    with ExitStack() as stack:
        output = files.output
        if os.environ.get(RANK, "0") == "0":
            output = stack.enter_context(atomic(output))
        yield files.model_copy(update={"output": output})

        def finish() -> None:
            make(output, wanted, [*files.jets, *files.beside])
            stack.close()

        if RANK in os.environ:
            from boostflow.training.ranks import connect

            connect().first(finish)
        else:
            finish()


def make(model: Path, wanted: Decorrelate, jets: Sequence[Path]) -> None:
    """Write the map of a trained model into its folder.

    Args:
        model: its folder.
        wanted: what is decorrelated.
        jets: selected jets, one file a sample, named by it; those of the background samples and
            classes in the training and the validation split make the map.

    Raises:
        BoostflowError: too few of them, or a score that the model does not give.
    """
    from boostflow.models.score import manifest

    about = manifest(model)
    found = (_of_sample(model, wanted, about["classes"], path) for path in jets)
    parts = [part for part in found if part]
    names = parts[0] if parts else ()
    whole = {name: np.concatenate([part[name] for part in parts]) for name in names}
    unseen = int((~whole["known"]).sum()) if parts else 0
    if unseen < FEWEST:
        low, high = wanted.axis()
        raise BoostflowError(
            f"decorrelate: {unseen} jets of {' or '.join(wanted.background)} that the model did not"
            f" learn from have a {wanted.plane} between {low:g} and {high:g}, at least {FEWEST} are"
            " needed: widen `range`, or simulate more"
        )
    if unseen < FEW:
        log.warning("decorrelated with few jets (%d): parts of 5 %% or less are not known", unseen)
    arrays: dict[str, NDArray] = {}
    for name, score in _sums(wanted, whole, about["classes"], str(model)).items():
        one = fit(
            *(whole["x"], whole["pt"], score, whole["weight"], whole["known"]),
            axis=_axis(wanted),
            knots=wanted.knots,
        )
        arrays |= {"mass": one.mass, "pt": one.pt, "level": one.level}
        arrays[f"quantile_{name}"] = one.quantile.astype(np.float32)
    # Not compressed: the bytes of a file that a library compresses change with its version.
    np.savez(model / FILE, allow_pickle=False, **arrays)
    log.info(
        "decorrelated with %d background jets, of which the model did not see %d",
        len(whole["x"]),
        unseen,
    )


def _of_sample(
    model: Path, wanted: Decorrelate, classes: Sequence[str], path: Path
) -> dict[str, NDArray]:
    """The background jets of a sample that make the map: scores, place, weight and `known`.

    The weights of a split add up to the expectation, in each of several splits alike; they are
    scaled for those that the model knows, and for the others, to do so together.
    """
    from boostflow.models.score import by_family

    jets = read_parquet(path)
    label = np.asarray(jets.label.to_list() if "label" in jets.fields else [""] * len(jets), str)
    chosen = np.isin(label, wanted.background) | (path.stem in wanted.background)
    chosen &= np.isin(np.asarray(jets.split), (TRAIN, VALIDATION))
    chosen &= np.asarray(jets.weight) != 0
    if not chosen.any():
        return {}
    jets, label = jets[chosen], label[chosen]
    x, pt = _place(wanted, jets)
    split, weight = np.asarray(jets.split), np.abs(np.asarray(jets.weight))
    known = (split == TRAIN) & np.isin(label, classes)
    for part in (known, ~known):
        size = {code: effective(weight[part & (split == code)]) for code in np.unique(split[part])}
        for code, number in size.items():
            weight[part & (split == code)] *= number / sum(size.values())
    low, high = _axis(wanted)
    inside = (x >= low) & (x <= high)
    scores = by_family(model, jets, sample=path.stem)
    found = {**scores, "x": x, "pt": pt, "weight": weight, "known": known}
    return {name: np.asarray(column)[inside] for name, column in found.items()}


def add(model: Path, about: Mapping[str, Any], jets: ak.Array, scores: Scores) -> Scores:
    """Scores with the decorrelated ones, `ddt_<name>`, each of shape (jets,).

    Args:
        model: folder of a trained model; without a map nothing is added.
        about: its manifest.
        jets: selected jets with pT and the mass.
        scores: of the jets by the model.

    Raises:
        BoostflowError: the map is damaged, or the jets lack a column.
    """
    wanted = about.get("config", {}).get("decorrelate")
    if wanted is None:
        return scores
    wanted = Decorrelate.model_validate(wanted)
    path = model / FILE
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        x, pt = _place(wanted, jets)
        added = {}
        for name, score in _sums(wanted, scores, about["classes"], str(model)).items():
            quantile = arrays[f"quantile_{name}"].astype(np.float64)
            found = QuantileMap(arrays["mass"], arrays["pt"], arrays["level"], quantile)
            added[f"ddt_{name}"] = found.below(x, pt, score).astype(np.float32)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise BoostflowError(
            f"{path}: is no map of decorrelated scores ({error}): remove the folder, and the model"
            " is trained again"
        ) from None
    return {**scores, **added}


def _place(wanted: Decorrelate, jets: ak.Array) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The logarithm of the mass, or rho, and pT of jets, shape (jets,) each."""
    columns = matrix(jets, [wanted.mass, "pt"], "decorrelate").astype(np.float64)
    mass, pt = np.maximum(columns[:, 0], 1e-3), columns[:, 1]
    return (2 * np.log(mass / pt) if wanted.plane == "rho" else np.log(mass)), pt


def _axis(wanted: Decorrelate) -> tuple[float, float]:
    """The range of `_place`."""
    low, high = wanted.axis()
    return (low, high) if wanted.plane == "rho" else (float(np.log(low)), float(np.log(high)))


def _sums(
    wanted: Decorrelate, scores: Scores, classes: Sequence[str], where: str
) -> dict[str, NDArray]:
    """The scores that are decorrelated, by name."""
    result = {}
    for name, added in wanted.sums(classes).items():
        if missing := [column for column in added if column not in scores]:
            raise BoostflowError(
                f"{where}: decorrelate.scores.{name}: the model gives no {', '.join(missing)}: its"
                " training had no jets of that class"
            )
        result[name] = np.sum([np.asarray(scores[column], float) for column in added], axis=0)
    return result
