"""Systematic uncertainties of a model's figures of merit, from the jets of all variations.

A figure (an AUC, a point of a ROC curve, the events that pass a cut) is measured on the test jets
of nominal and of each variation. The up and down shifts of an entry follow the rules of the fit's
templates (`boostflow.effects.directions`; smoothing and pruning are for histograms). Shifts of
entries with the same nuisance parameter add up, those of different parameters, and of each member
of replicas and Hessian sets, add in quadrature, upward and downward shifts apart: where both sides
shift a figure in the same direction, the larger counts there and nothing counts in the other.

Figures other than yields compare the shapes of classes (the weights of each class add up to 1), so
rates only change yields. Restrictions to regions of the fit are not looked at: nothing here is
measured in regions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from boostflow.config.chain import Evaluate
from boostflow.config.systematics import AnySystematic, Rate, by_parameter, nuisances
from boostflow.effects import directions, quadratic
from boostflow.errors import BoostflowError
from boostflow.evaluate import significance
from boostflow.evaluate.classifier import (
    GRID,
    Classified,
    normalised,
    pairs,
    signal_score,
)
from boostflow.evaluate.curves import Ranking, components, influence
from boostflow.jobs.models import Judged
from boostflow.scored import TEST, VALIDATION, Table

Shifts = dict[str, tuple[NDArray, NDArray]]
"""Up and down shift of each figure by a parameter."""


@dataclass
class Measured:
    """The figures of one variation, and what their statistical errors are made of."""

    figures: dict[str, NDArray]
    """`auc` (classes + 1; the mean comes last), `roc` (classes, len(GRID)), and of the working
    points `background` at fixed signal efficiency, `cut_signal` and `cut_background` at the nominal
    cut (points,). `yields` (2, samples, cuts): of test and validation split."""
    event: NDArray[np.uint64] = field(repr=False)
    """Number of each jet's event, the same in all variations, shape (jets,)."""
    influence: NDArray = field(repr=False)
    """Influence of each jet on each entry of `auc`, shape (jets, classes + 1)."""


def measure(part: Classified, config: Evaluate, points: Sequence[Mapping[str, Any]]) -> Measured:
    """All figures but the yields.

    Args:
        part: jets with columns `sample`, `event_id` and `weight`.
        config: pairs and efficiencies.
        points: the nominal working points (`threshold`), one per pair and efficiency, in the order
            of `classifier.rejections`.

    Raises:
        BoostflowError: the weights of a class have no positive sum.
    """
    size = len(part.classes)
    weight = normalised(part.jets["weight"], part.code, part.classes)
    auc, curves, jets = [], [], []
    for k in range(size):
        positive = part.code == k
        value, component = components(part.scores[:, k], positive, weight)
        auc.append(value)
        curves.append(Ranking(part.scores[:, k], positive).background_at(weight, GRID))
        jets.append(influence(component, weight, part.code, positive))
    background, cut = [], []
    for pair in pairs(part, config) if points else []:
        w = weight[pair.mine]
        ranking = Ranking(pair.score, pair.positive)
        background.append(ranking.background_at(w, config.efficiencies))
        for point in points[len(cut) : len(cut) + len(config.efficiencies)]:
            passed = pair.score >= point["threshold"]
            cut.append(
                [w[side & passed].sum() / w[side].sum() for side in (pair.positive, ~pair.positive)]
            )
    at_cut = np.array(cut).reshape(-1, 2)
    names, index = np.unique(part.jets["sample"], return_inverse=True)
    numbers = np.array([crc32(name.encode()) for name in names], dtype=np.uint64)[index]
    return Measured(
        {
            "auc": np.array([*auc, np.mean(auc)]),
            "roc": np.array(curves),
            "background": np.array(background).reshape(-1),
            "cut_signal": at_cut[:, 0],
            "cut_background": at_cut[:, 1],
        },
        # Hashes within a sample, in which the samples are told apart.
        part.jets["event_id"] + numbers * np.uint64(0x9E3779B97F4A7C15),
        np.stack([*jets, np.mean(jets, axis=0)], axis=1),
    )


def events_passing(
    table: Table, judged: Judged, signal: list[str], samples: Sequence[str], luminosity: float
) -> NDArray:
    """Expected events of test and validation split that pass each cut of the significance scan.

    Returns:
        shape (2, samples, cuts).
    """
    score, _ = signal_score(table, judged, signal)
    result = []
    for split in (TEST, VALIDATION):
        used = (table["split"] == split) & table["candidate"].astype(bool)
        of = [used & (table["sample"] == name) for name in samples]
        result.append(
            [significance.passing(table["weight"][mine] * luminosity, score[mine]) for mine in of]
        )
    return np.array(result)


def reweighted(table: Table, column: str, samples: Sequence[str] | None) -> Table:
    """The jets with another weight: a column of relative weights, in some samples (null: all).

    Raises:
        BoostflowError: a jet has no finite weight.
    """
    touched = np.isin(table["sample"], samples or np.unique(table["sample"]))
    weight = table["weight"] * np.where(touched, table[column], 1.0)
    bad = np.unique(table["sample"][~np.isfinite(weight)])
    if len(bad):
        raise BoostflowError(f"sample {', '.join(bad)}: jets without a finite weight {column}")
    return table | {"weight": weight}


def error_of_shift(nominal: Measured, varied: Measured) -> NDArray:
    """Statistical error of the shift of each AUC, shape (classes + 1,).

    It is that of a paired difference where jets are the same events, of independent samples where
    they are not.
    """
    events = np.concatenate([nominal.event, varied.event])
    _, index = np.unique(events, return_inverse=True)
    each = np.concatenate([-nominal.influence, varied.influence])
    sums = [np.bincount(index, column) for column in each.T]
    return np.array([np.sqrt(np.sum(total**2)) for total in sums])


def shifts(
    systematics: Mapping[str, AnySystematic],
    nominal: Mapping[str, NDArray],
    varied: Mapping[str, Mapping[str, NDArray]],
    samples: Sequence[str],
) -> dict[str, Shifts]:
    """Up and down shifts of every figure by nuisance parameter (`config.systematics.nuisances`).

    Args:
        systematics: the declared entries; those without any file in `varied` must be rates.
        nominal: figures by name.
        varied: the same by variation (`jes_up`).
        samples: in the order of the second axis of `yields`, if there are yields.

    Raises:
        BoostflowError: a variation of an entry is missing.
    """
    entries = by_parameter(systematics)
    names: dict[str, list[str]] = {}
    for nuisance, parameter in nuisances(systematics).items():
        names.setdefault(parameter, []).append(nuisance)
    result: dict[str, Shifts] = {}
    for parameter, mine in names.items():
        for nuisance in mine:
            result[nuisance] = {k: (np.zeros_like(v), np.zeros_like(v)) for k, v in nominal.items()}
        for name in entries[parameter]:
            for key, found in _entry(name, systematics[name], nominal, varied, samples):
                for nuisance, (up, down) in zip(mine, found, strict=True):
                    total = result[nuisance][key]
                    result[nuisance][key] = (total[0] + up, total[1] + down)
    return result


def _entry(
    name: str,
    declared: AnySystematic,
    nominal: Mapping[str, NDArray],
    varied: Mapping[str, Mapping[str, NDArray]],
    samples: Sequence[str],
) -> Iterable[tuple[str, list[tuple[NDArray, NDArray]]]]:
    """Shifts of each figure in each of the entry's directions."""
    if isinstance(declared, Rate):
        if "yields" in nominal:
            touched = np.isin(samples, declared.samples or samples)[:, np.newaxis]
            up, down = (nominal["yields"] * touched * (side - 1) for side in declared.sides())
            yield "yields", [(up, down)]
        return
    members = [f"{name}_{direction}" for direction in declared.members()]
    missing = [member for member in members if member not in varied]
    if missing:
        raise BoostflowError(f"systematic {name}: no jets of variation {', '.join(missing)}")
    for key, value in nominal.items():
        found = directions(declared, value, [varied[member][key] for member in members])
        yield key, [(up - value, down - value) for up, down in found]


def total(parts: Iterable[tuple[NDArray, NDArray]]) -> tuple[NDArray, NDArray]:
    """Quadratic sums of upward and of downward shifts of several parameters; both positive."""
    up, down = 0.0, 0.0
    for pair in parts:
        up = up + np.maximum(np.maximum(*pair), 0.0) ** 2
        down = down + np.minimum(np.minimum(*pair), 0.0) ** 2
    return np.sqrt(up), np.sqrt(down)


def _of_inverse(efficiency: float, up: float, down: float) -> dict[str, float | None]:
    """Shifts of 1/efficiency for those of the efficiency; not linear, which large ones would need.

    `up` is null where the efficiency may be 0.
    """
    low = efficiency - down
    return {
        "up": float(1 / low - 1 / efficiency) if low > 0 else None,
        "down": float(1 / efficiency - 1 / (efficiency + up)),
    }


def evaluate(
    nominal: Measured,
    varied: Mapping[str, Measured],
    systematics: Mapping[str, AnySystematic],
    figures: Mapping[str, Any],
    samples: Sequence[str],
) -> tuple[dict[str, Any], dict[str, Shifts]]:
    """Figures with statistical and systematic errors.

    Args:
        nominal: of the nominal jets.
        varied: by variation.
        systematics: the entries behind these variations, and rates.
        figures: evaluation of the nominal jets, whose statistical errors are taken over.
        samples: of the yields.

    Returns:
        The figures, and the shifts by parameter for `scan`.
    """
    by_shift = shifts(
        systematics, nominal.figures, {k: v.figures for k, v in varied.items()}, samples
    )
    noise = {name: error_of_shift(nominal, other) for name, other in varied.items()}
    entries = by_parameter(systematics)
    declared = nuisances(systematics)
    groups = {name: systematics[entries[declared[name]][0]].group for name in by_shift}
    classes = [*figures["auc"], "macro"]
    parameters: dict[str, Any] = {}
    for parameter, names in entries.items():
        members = [f"{name}_{d}" for name in names for d in systematics[name].members()]
        if not members:
            continue
        mine = [by_shift[name]["auc"] for name in by_shift if declared[name] == parameter]
        up, down = mine[0] if parameter in by_shift else quadratic(np.zeros(len(classes)), mine)
        # Of an up-down pair, an envelope or replicas none is known better than the worst member.
        error = np.max([noise[name] for name in members], axis=0)
        parameters[parameter] = {
            "entries": names,
            "group": systematics[names[0]].group,
            "auc": {
                name: {"up": float(up[i]), "down": float(down[i]), "error": float(error[i])}
                for i, name in enumerate(classes)
            },
        }

    def sums(key: str) -> dict[str, tuple[NDArray, NDArray]]:
        """Of all parameters, and of each group."""
        found = {"total": total(shift[key] for shift in by_shift.values())}
        for group in sorted(set(groups.values())):
            mine = [shift[key] for p, shift in by_shift.items() if groups[p] == group]
            found[group] = total(mine)
        return found

    errors = {key: sums(key) for key in nominal.figures if key != "yields"}

    def beside(figure: Mapping[str, Any], key: str, i: Any) -> dict[str, Any]:
        """A figure with its systematic error, that of each group apart."""
        parts = {
            name: {"up": float(up[i]), "down": float(down[i])}
            for name, (up, down) in errors[key].items()
        }
        return {**figure, "systematic": parts.pop("total"), "groups": parts}

    nominals = [*figures["auc"].values(), figures["macro_auc"]]
    result: dict[str, Any] = {
        "kind": figures["kind"],
        "parameters": parameters,
        "auc": {
            name: beside(figure, "auc", i)
            for i, (name, figure) in enumerate(zip(classes, nominals, strict=True))
        },
        "roc": {
            "signal_efficiency": figures["roc"]["signal_efficiency"],
            "background_efficiency": {name: figures["roc"][name] for name in classes[:-1]},
            "error": figures["roc"]["error"],
            "systematic": {
                name: {
                    side: errors["roc"]["total"][j][i].tolist()
                    for j, side in enumerate(("up", "down"))
                }
                for i, name in enumerate(classes[:-1])
            },
        },
    }
    result["rejection"] = []
    for i, figure in enumerate(figures.get("rejection", [])):
        entry = dict(figure)
        if "value" in figure:
            entry["systematic"] = _of_inverse(
                1 / figure["value"], *(side[i] for side in errors["background"]["total"])
            )
        for side in ("signal", "background"):
            key = f"cut_{side}"
            value = {"value": float(nominal.figures[key][i])}
            entry[f"{side}_efficiency_at_threshold"] = beside(value, key, i)
        result["rejection"].append(entry)
    return result, by_shift


def scan(
    table: Table,
    judged: Judged,
    signal: list[str],
    samples: Sequence[str],
    luminosity: float,
    nominal: NDArray,
    by_shift: Mapping[str, Shifts],
) -> dict[str, Any]:
    """The significance scan with the background uncertainty of all parameters at each cut.

    sigma_b is the quadratic sum over parameters of the larger shift of the total background. The
    working point is chosen with it on the validation split. `systematic` is how far the measures
    move when parameters move by one standard deviation (sigma_b / b kept).

    Args:
        table: nominal jets of all splits.
        judged: the columns of the probabilities.
        signal: the signal samples.
        samples: all, in the order of the yields.
        luminosity: in 1/fb.
        nominal: `yields`, shape (2, samples, cuts).
        by_shift: from `evaluate`.

    Returns:
        As `significance.scan`, with `relative` (sigma_b / b at the cuts), `systematic` (`up` and
        `down` by measure) and those of the best cuts beside their errors.
    """
    is_signal = np.isin(samples, signal)
    s, b = (nominal[:, side].sum(axis=1) for side in (is_signal, ~is_signal))
    moved = [
        [(part[:, is_signal].sum(axis=1), part[:, ~is_signal].sum(axis=1)) for part in both]
        for both in (shift["yields"] for shift in by_shift.values())
    ]
    variance = sum(np.maximum(*(np.abs(db) for _, db in both)) ** 2 for both in moved)
    relative = np.where(b > 0, np.sqrt(variance) / np.where(b > 0, b, 1.0), 0.0)
    score, title = signal_score(table, judged, signal)
    by_split = dict(zip((TEST, VALIDATION), relative, strict=True))
    result = significance.scan(table, score, signal, luminosity, by_split)
    shown = np.isin(significance.CUTS, result["cuts"])
    central = significance.measures(s[0], b[0], relative[0])
    each = [
        [significance.measures(s[0] + ds[0], b[0] + db[0], relative[0]) for ds, db in both]
        for both in moved
    ]
    result |= {
        "signal": signal,
        "score": title,
        "luminosity": luminosity,
        "relative": relative[0][shown].tolist(),
        "systematic": {},
    }
    for name in significance.MEASURES:
        sides = total(
            tuple(np.nan_to_num(side[name] - central[name]) for side in both) for both in each
        )
        result["systematic"][name] = {
            key: side[shown].tolist() for key, side in zip(("up", "down"), sides, strict=True)
        }
        if best := result["best"].get(name):
            i = int(np.flatnonzero(best["cut"] == significance.CUTS)[0])
            best["systematic"] = {"up": float(sides[0][i]), "down": float(sides[1][i])}
            best["background_uncertainty"] = float(relative[0][i])
    return result
