"""Figures of merit of models that monitor data: what is found at so many false alarms a day."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from boostflow.averages import distances
from boostflow.config.monitored import Monitoring
from boostflow.errors import BoostflowError
from boostflow.evaluate.bootstrap import bootstrap
from boostflow.evaluate.curves import EmptyClass, Ranking
from boostflow.jobs.models import Judged
from boostflow.models.family import Role, Task
from boostflow.scored import TEST, VALIDATION, Table, rows

RATES = np.geomspace(0.1, 100, 31)
"""False alarms a day at which the curve has a point."""
SLICES = 5
"""Parts of the test rows, one after the other, whose AUCs are quoted."""
HALFLIFE, CLIP = 100.0, 3.0
"""Moving averages that the page's pulls are distances from, the same for all models."""


def evaluate(
    table: Table,
    judged: Judged,
    features: Sequence[str],
    config: Monitoring,
    times: int,
    seed: int,
) -> dict[str, Any]:
    """All figures of a model on the test rows; errors are those of the bootstrap of groups (runs).

    Args:
        table: rows of all splits with the columns of `config`, `event_id`, `split` and scores.
        judged: columns of the score and of causes.
        features: of the model, which causes are numbers of.
        config: columns and rates.
        times: resamplings.
        seed: of the bootstrap.

    Returns:
        `days` and `rows` (with and without a fault) of the test split; `auc`; `slices`: AUC, `from`
        and `to` (days since the first row of all) of parts of it, one after the other; `curve`:
        `false_alarms` a day, `efficiency` and `precision` (null where there is no alarm); `points`
        by rate: what `_point` says; `page`: see `_page`.

    Raises:
        BoostflowError: no score for the class, one that is not finite, a row without time or
            truth, a culprit that is no parameter, test rows all of one time, no fault among these,
            or nothing else.
    """
    score = score_of(table, judged, config)
    if not np.isfinite(score).all():
        raise BoostflowError(f"{(~np.isfinite(score)).sum()} rows have a NaN score")
    for name in (config.time, config.truth):
        if lost := int((~np.isfinite(table[name])).sum()):
            raise BoostflowError(f"evaluate.monitoring: {lost} rows have no value of column {name}")
    when = (table[config.time] - table[config.time].min()) / config.day
    table = table | {"score": score, "days": when, "bad": table[config.truth] != 0}
    table = rows(table, np.argsort(when, kind="stable"))
    test = rows(table, table["split"] == TEST)
    before = rows(table, table["split"] == VALIDATION)
    bad = test["bad"]
    if not bad.any() or bad.all():
        raise BoostflowError(
            f"{int(bad.sum())} of {len(bad)} test rows have a fault by column {config.truth}:"
            " monitoring is judged by both"
        )
    if not np.ptp(test["days"]):
        raise BoostflowError(
            f"evaluate.monitoring.time: column {config.time} is the same for all test rows: false"
            " alarms a day are counted by it"
        )
    judge = _Judge(test)
    asked = _Asked(config, judged.columns(Role.CAUSE), features, times, seed)
    group = np.unique(test["event_id"], return_inverse=True)[1]

    def values(count: NDArray) -> NDArray:
        return np.concatenate([[judge.ranking.auc(count)], *judge.at(count, RATES)])

    nominal = values(np.ones(len(bad)))
    error = asked.error(lambda count: np.nan_to_num(values(count)), group)
    curve = np.split(nominal[1:], 2), np.split(error[1:], 2)
    points = [_point(rate, test, before, judge, group, asked) for rate in config.false_alarms]
    return {
        "days": judge.days,
        "rows": {"good": int((~bad).sum()), "bad": int(bad.sum())},
        "auc": {"value": float(nominal[0]), "error": float(error[0])},
        "slices": _slices(test, asked),
        "curve": {
            "false_alarms": RATES.tolist(),
            **{
                name: {"value": [_finite(v) for v in value], "error": spread.tolist()}
                for name, value, spread in zip(("efficiency", "precision"), *curve, strict=True)
            },
        },
        "points": points,
        "page": _page(table, judge.threshold(config.false_alarms[0]), asked),
    }


def score_of(table: Table, judged: Judged, config: Monitoring) -> NDArray[np.float64]:
    """The number that is large where something is wrong, shape (rows,).

    Raises:
        BoostflowError: the model has none.
    """
    if judged.task is Task.CLASSIFY:
        found = [one.column for one in judged.scores if one.of == config.flagged]
        found = [name for name in found if name in judged.columns(Role.PROBABILITY)]
    else:
        found = judged.columns(Role.ERROR)
    if len(found) != 1 or found[0] not in table:
        raise BoostflowError(
            f"evaluate.monitoring: the model has no score of class {config.flagged}, and no error"
        )
    return table[found[0]].astype(np.float64)


class _Asked(NamedTuple):
    """What all parts of an evaluation share."""

    config: Monitoring
    """Columns and rates."""
    columns: list[str]
    """Columns of the causes, the first one first."""
    features: Sequence[str]
    """Of the model, which causes are numbers of."""
    times: int
    """Resamplings."""
    seed: int
    """Of the bootstrap."""

    def error(self, value: Callable[[NDArray], Any], group: NDArray) -> NDArray:
        """Error of a figure by the bootstrap of groups, shape as its value."""
        return bootstrap(value, group, self.times, self.seed).error

    def causes(self, table: Table, column: str) -> NDArray[np.str_]:
        """Names of the features that a column of causes holds, shape (rows,)."""
        return np.array(self.features)[table[column].astype(int)]

    def culprits(self, table: Table) -> NDArray[np.str_] | None:
        """Names of the parameters at fault, "" where none is known; None without a column.

        Args:
            table: columns of the configuration, and `bad`, shape (rows,) each.

        Raises:
            BoostflowError: a fault is of a parameter that there is not.
        """
        if self.config.culprit is None:
            return None
        number, names = table[self.config.culprit], np.array(self.config.parameters)
        if wrong := number[table["bad"] & (number >= len(names))].tolist():
            raise BoostflowError(
                f"evaluate.monitoring.culprit: column {self.config.culprit} says {wrong[0]:g} of a"
                f" fault, there are {len(names)} parameters: they count from 0"
            )
        known = table["bad"] & (number >= 0)
        return np.where(known, names[np.where(known, number, 0).astype(int)], "")


class _Judge:
    """Rows in the order of their scores."""

    def __init__(self, test: Table) -> None:
        self.ranking = Ranking(test["score"], test["bad"])
        # Of rows that follow each other, of which there is one less than times.
        span = float(np.ptp(test["days"]))
        self.days = span * len(test["days"]) / max(len(test["days"]) - 1, 1)
        self.size = len(test["days"])

    def at(self, count: NDArray, rates: NDArray) -> tuple[NDArray, NDArray]:
        """Efficiency and precision of the loosest cut with no more false alarms, shape (rates,).

        Args:
            count: how often each row counts, shape (rows,).
            rates: false alarms a day.

        Raises:
            EmptyClass: there is no fault among the rows, or nothing else.
        """
        signal, background = (np.cumsum(part[::-1]) for part in self.ranking.sums(count))
        allowed = rates * self.days * count.sum() / self.size
        last = np.searchsorted(background, allowed + 1e-9, side="right")
        found, wrong = (np.append(0.0, part)[last] for part in (signal, background))
        alarms = found + wrong
        return found / signal[-1], np.where(alarms > 0, found / np.maximum(alarms, 1), np.nan)

    def threshold(self, rate: float) -> float:
        """The lowest score of an alarm at this rate; infinite if not even the highest one is."""
        _, background = self.ranking.sums(np.ones(self.size))
        last = np.searchsorted(np.cumsum(background[::-1]), rate * self.days + 1e-9, side="right")
        return float(self.ranking.thresholds[::-1][last - 1]) if last else float("inf")


def _point(
    rate: float,
    test: Table,
    before: Table,
    judge: _Judge,
    group: NDArray,
    asked: _Asked,
) -> dict[str, Any]:
    """What is found at a rate of false alarms.

    Returns:
        `false_alarms` a day that are wanted; `exact`: `threshold` with that many on the test rows
        (null where not even the highest score alone keeps to the rate), `precision` and
        `efficiency` there (no precision without any alarm), `kinds`: efficiencies by kind, and
        `causes`: parts of the right alarms whose first causes, as many as the key says, hold the
        culprit; `validated`: the same but `kinds` and `causes` with the threshold that the
        validation rows give, as a shifter would have it, and the `false_alarms` a day that come of
        it; null where these have no fault, nothing else, or all one time.
    """

    def passing(threshold: float) -> dict[str, Any]:
        alarm = test["score"] >= threshold

        def values(count: NDArray) -> NDArray:
            hit, wrong = (count[alarm & side].sum() for side in (test["bad"], ~test["bad"]))
            all_bad = count[test["bad"]].sum()
            if not all_bad:
                raise EmptyClass("no fault")
            precision = hit / (hit + wrong) if hit + wrong else 0.0
            return np.array([precision, hit / all_bad, wrong / judge.days])

        value = values(np.ones(judge.size))
        spread = asked.error(values, group)
        names = ("precision", "efficiency", "false_alarms")
        told = {
            name: {"value": float(v), "error": float(e)}
            for name, v, e in zip(names, value, spread, strict=True)
        }
        return told if alarm.any() else told | {"precision": None}

    exact = judge.threshold(rate)
    found = {"threshold": _finite(exact), **passing(exact)}
    alarm = test["score"] >= exact
    found["kinds"] = _kinds(test, alarm, group, asked)
    found["causes"] = _causes(test, alarm, group, asked)
    validated = None
    if before["bad"].any() and not before["bad"].all() and np.ptp(before["days"]):
        earlier = _Judge(before).threshold(rate)
        validated = {"threshold": _finite(earlier), **passing(earlier)}
    return {"false_alarms": rate, "exact": found, "validated": validated}


def _finite(value: float) -> float | None:
    """A number as JSON data, null where there is none."""
    return float(value) if np.isfinite(value) else None


def _part(
    hit: NDArray[np.bool_], of: NDArray[np.bool_], group: NDArray, asked: _Asked
) -> dict[str, float]:
    """Part of some rows, with the error of the bootstrap of groups."""

    def value(count: NDArray) -> float:
        if not (total := count[of].sum()):
            raise EmptyClass("no row")
        return float(count[hit & of].sum() / total)

    groups = len(np.unique(group[of]))
    # Of few groups the bootstrap knows nothing.
    error = float(asked.error(value, group)) if groups > 2 else float("nan")
    nominal = value(np.ones(len(group)))
    least = np.sqrt(max(nominal * (1 - nominal), 0.25 / (groups + 1)) / groups)
    return {"value": nominal, "error": float(np.nanmax([error, least])), "groups": groups}


def _kinds(test: Table, alarm: NDArray, group: NDArray, asked: _Asked) -> dict[str, Any]:
    """Efficiency for each kind of fault of which there are test rows."""
    kind, kinds = asked.config.kind, asked.config.kinds
    if kind is None:
        return {}
    each = {name: test["bad"] & (test[kind] == one) for name, one in kinds.items()}
    return {name: _part(alarm, mine, group, asked) for name, mine in each.items() if mine.any()}


def _causes(test: Table, alarm: NDArray, group: NDArray, asked: _Asked) -> dict[str, Any]:
    """Parts of the right alarms whose first causes hold the culprit, by how many are looked at."""
    culprit = asked.culprits(test)
    if not asked.columns or culprit is None:
        return {}
    right = alarm & (culprit != "")
    if not right.any():
        return {}
    named = np.stack([asked.causes(test, column) for column in asked.columns], axis=1)
    return {
        str(k): _part((named[:, :k] == culprit[:, None]).any(axis=1), right, group, asked)
        for k in range(1, len(asked.columns) + 1)
    }


def _slices(test: Table, asked: _Asked) -> list[dict[str, Any]]:
    """AUC in parts of the test rows, one after the other; those without a fault are left out."""
    found = []
    for mine in np.array_split(np.arange(len(test["score"])), SLICES):
        part = rows(test, mine)
        if not part["bad"].any() or part["bad"].all():
            continue
        ranking = Ranking(part["score"], part["bad"])
        group = np.unique(part["event_id"], return_inverse=True)[1]
        found.append(
            {
                "from": float(part["days"][0]),
                "to": float(part["days"][-1]),
                "value": ranking.auc(np.ones(len(mine))),
                "error": float(asked.error(ranking.auc, group)),
            }
        )
    return found


def _page(table: Table, threshold: float, asked: _Asked) -> dict[str, Any]:
    """What shifters look at, by group (run) of the test rows, in the order of time.

    Returns:
        `threshold`; `days` of the first row of each group; its largest `score`; whether it has a
        fault (`bad`), an alarm (`alarm`) and a `false` one; `parameters`, the worst ones, and their
        mean distances from moving averages (`pulls`, parameters by groups), in units of that of
        all; `causes`: how often each parameter is the first cause of an alarm, and how often it
        was at fault then (`right`), by falling number.
    """
    config = asked.config
    x = np.stack([table[name] for name in config.parameters], axis=1).astype(np.float64)
    # A parameter that is never there has no pull.
    seen = np.isfinite(x)
    x[:, ~seen.any(axis=0)] = 0.0
    filled = np.where(np.isfinite(x), x, np.nanmedian(np.where(np.isinf(x), np.nan, x), axis=0))
    pulls = distances(filled, table["days"], HALFLIFE, CLIP)
    used = table["split"] == TEST
    test, pulls = rows(table, used), pulls[used].astype(np.float64)
    _, first, run = np.unique(test["event_id"], return_index=True, return_inverse=True)
    rank = np.empty(len(first), int)
    order = np.argsort(first, kind="stable")
    rank[order] = np.arange(len(first))
    run, first = rank[run], first[order]
    size = np.bincount(run)
    alarm = test["score"] >= threshold
    top = np.full(len(size), -np.inf)
    np.maximum.at(top, run, test["score"])
    means = np.stack([np.bincount(run, pulls[:, j]) / size for j in range(pulls.shape[1])])
    usual = np.median(np.abs(means)) / 0.6745
    means = means / (usual if usual > 0 else 1.0)
    worst = np.argsort(-np.abs(means).max(axis=1), kind="stable")[: config.page]
    return {
        "threshold": _finite(threshold),
        "days": test["days"][first].tolist(),
        "score": top.tolist(),
        **{
            name: (np.bincount(run, mine) > 0).tolist()
            for name, mine in (
                ("bad", test["bad"]),
                ("alarm", alarm),
                ("false", alarm & ~test["bad"]),
            )
        },
        "parameters": [config.parameters[j] for j in worst],
        "pulls": np.round(means[worst], 2).tolist(),
        "causes": _ranked(test, alarm, asked),
    }


def _ranked(test: Table, alarm: NDArray, asked: _Asked) -> list[Mapping[str, Any]]:
    """Parameters that are the first cause of alarms, by falling number of alarms."""
    if not asked.columns or not alarm.any():
        return []
    number = test[asked.columns[0]].astype(int)[alarm]
    count = np.bincount(number, minlength=len(asked.features))
    right = np.zeros(len(asked.features), int)
    culprit = asked.culprits(test)
    if culprit is not None:
        same = (culprit == asked.causes(test, asked.columns[0]))[alarm]
        right = np.bincount(number[same], minlength=len(asked.features))
    order = [j for j in np.argsort(-count, kind="stable") if count[j]]
    return [
        {"parameter": asked.features[j], "alarms": int(count[j]), "right": int(right[j])}
        for j in order[: asked.config.page]
    ]
