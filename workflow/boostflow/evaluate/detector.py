"""Figures of merit of a detector: how jets that it has not learned stand out from normal ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from boostflow.binomial import effective
from boostflow.config.chain import Evaluate
from boostflow.errors import BoostflowError
from boostflow.evaluate.bootstrap import Spread, bootstrap
from boostflow.evaluate.classifier import GRID, normalised
from boostflow.evaluate.curves import FEW, Ranking, at_least_binomial
from boostflow.evaluate.decorrelated import BINS, by_chance, independence
from boostflow.jobs.models import Judged
from boostflow.models.family import Role
from boostflow.scored import TEST, Table, rows

OPTIONAL = ["msoftdrop", "mass"]
"""Masses, the first of which that there is shows how spectra of normal jets are sculpted."""
KEPT = (0.1, 0.01)
"""Parts of the normal jets that pass where the improvement of the significance is quoted."""
MASSES = (0.01, 0.99)
"""Quantiles of the normal jets' mass between which spectra are compared."""


def evaluate(
    table: Table, judged: Judged, config: Evaluate, seed: int
) -> tuple[dict[str, Any], Table]:
    """All figures of merit of a detector on the test split, and the jets behind them.

    Each class that is not normal is held against the normal jets, whose classes count in equal
    parts. Errors come from the event bootstrap.

    Args:
        table: from `scored.read_scored` with `split`, `weight` and the masses `OPTIONAL`.
        judged: the column of the score, and what is normal.
        config: resamplings.
        seed: of the bootstrap.

    Returns:
        The figures, and the test jets. `auc`: by class; `roc`: efficiencies of normal jets at
        `signal_efficiency`, with errors; `improvement`: of the significance, efficiency over root
        of that of normal jets, where a part (in percent) of these passes; `mass`: name, `edges`,
        `spectrum`, and by rejected part what `decorrelated.independence` says.

    Raises:
        BoostflowError: there are no normal jets, no others, or a score is not finite.
    """
    columns = judged.columns(Role.ERROR)
    if len(columns) != 1 or columns[0] not in table:
        raise BoostflowError(
            f"the score table has no column {', '.join(columns) or 'of an error'} of a detector"
        )
    test = rows(table, table["split"] == TEST)
    normal = np.isin(test["label"], judged.normal) | np.isin(test["sample"], judged.normal)
    name = np.where(np.isin(test["label"], ["", "unmatched"]), test["sample"], test["label"])
    known = normal | ~np.isin(test["label"], ["", "unmatched"])
    test, normal, name = rows(test, known), normal[known], name[known]
    score = test[columns[0]].astype(float)
    if not np.isfinite(score).all():
        raise BoostflowError(f"{(~np.isfinite(score)).sum()} jets have a NaN score")
    classes = sorted(set(name[~normal].tolist()))
    if not classes or not normal.any():
        raise BoostflowError(
            f"{normal.sum()} normal test jets ({', '.join(judged.normal)}) and those of"
            f" {len(classes)} other classes: a detector is judged by both"
        )
    result: dict[str, Any] = {
        "kind": "detector",
        "normal": sorted(set(name[normal].tolist())),
        "jets": {one: int((name == one).sum()) for one in sorted(set(name.tolist()))},
        "auc": {},
        "roc": {"signal_efficiency": GRID.tolist(), "error": {}},
        "improvement": {},
    }
    for one in classes:
        mine = normal | (name == one)
        _against(one, rows(test, mine), score[mine], normal[mine], name[mine], config, seed, result)
    result |= _sculpted(rows(test, normal), score[normal], config.bootstrap, seed)
    return result, test


def _against(
    one: str,
    jets: Table,
    score: NDArray,
    normal: NDArray[np.bool_],
    name: NDArray,
    config: Evaluate,
    seed: int,
    result: dict[str, Any],
) -> None:
    """Add the figures of one class against normal jets to the result."""
    groups = sorted(set(name))
    code = np.searchsorted(groups, name)
    ranking, turned = Ranking(score, ~normal), Ranking(score, normal)

    def values(count: NDArray) -> NDArray:
        w = normalised(jets["weight"] * count, code, groups)
        passed = turned.background_at(w, KEPT)
        return np.concatenate(
            [[ranking.auc(w)], ranking.background_at(w, GRID), passed / np.sqrt(KEPT)]
        )

    nominal = values(np.ones(len(score)))
    spread: Spread = bootstrap(values, jets["event"], config.bootstrap, seed)
    sizes = [effective(jets["weight"][side]) for side in (~normal, normal)]
    result["auc"][one] = {
        "value": float(nominal[0]),
        "error": float(at_least_binomial(spread.error[0], nominal[0], min(sizes))),
        "method": "event bootstrap",
    }
    curve = slice(1, 1 + len(GRID))
    unweighted = ranking.background_at(np.ones(len(score)), GRID) * normal.sum()
    errors = at_least_binomial(spread.error[curve], nominal[curve], sizes[1])
    result["roc"][one] = nominal[curve].tolist()
    result["roc"]["error"][one] = [
        float(x) if passing >= FEW else None for x, passing in zip(errors, unweighted, strict=True)
    ]
    result["improvement"][one] = {
        f"{100 * part:g}": {"value": float(value), "error": float(error)}
        for part, value, error in zip(
            KEPT, nominal[curve.stop :], spread.error[curve.stop :], strict=True
        )
    }
    if notes := spread.note(config.bootstrap):
        result["notes"] = notes


def _sculpted(jets: Table, score: NDArray, times: int, seed: int) -> dict[str, Any]:
    """What cuts on the score do to the mass spectrum of normal jets; nothing without a mass."""
    there = [name for name in OPTIONAL if name in jets and np.isfinite(jets[name]).all()]
    if not there:
        return {}
    mass = jets[there[0]].astype(float)
    low, high = np.quantile(mass, MASSES)
    inside = (mass >= low) & (mass < high)
    jets = rows(jets, inside) | {"mass": mass[inside]}
    edges = np.linspace(low, high, BINS + 1)
    place = np.digitize(jets["mass"], edges) - 1
    bins = [jets["weight"][place == k] for k in range(BINS)]
    chance = by_chance(jets, edges, seed)
    return {
        "mass": {
            "name": there[0],
            "edges": edges.tolist(),
            "spectrum": {
                "value": [float(w.sum()) for w in bins],
                "error": [float(np.sqrt(np.sum(w**2))) for w in bins],
            },
            **independence(score[inside], jets, edges, chance, times, seed),
        }
    }
