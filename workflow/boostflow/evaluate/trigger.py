"""The menu of a trigger at a rate: cuts, efficiencies, rates against efficiency, turn-on curves.

An event of the background passes a line of the menu with its best jet above the line's threshold.
Its rate is cross-section times luminosity. A bunch crossing is read once, however many of its
collisions pass: of crossings at frequency f, a sum x of rates reads f (1 - exp(-x / f)).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from boostflow.binomial import effective, efficiency_error
from boostflow.config.chain import Trigger
from boostflow.errors import BoostflowError
from boostflow.evaluate.bootstrap import bootstrap
from boostflow.evaluate.classifier import Classified
from boostflow.evaluate.curves import FEW
from boostflow.scored import Table

PER_FB = 1e-39
"""An inverse femtobarn in cm2: weights are events per 1/fb."""
GRID = np.round(np.linspace(0.02, 1.0, 50), 2)
"""Efficiencies at which the rate is kept."""


class Line(NamedTuple):
    """A line of the menu, with what it sees of each jet."""

    value: NDArray
    """By which jets are cut, (jets,); -inf below the threshold."""
    best: NDArray
    """The largest value of each background event, (events,)."""
    mine: NDArray[np.bool_]
    """Whether a jet is of the class that the line looks for, (jets,)."""


class Sums(NamedTuple):
    """Sums of weights in descending order of a value, equal values together."""

    values: NDArray
    """Descending, each once."""
    sums: NDArray
    """Of all weights at this value or above."""

    @classmethod
    def of(cls, values: NDArray, weights: NDArray) -> Sums:
        """Sums over `values`, those of -inf left out."""
        seen = values > -np.inf
        each, place = np.unique(-values[seen], return_inverse=True)
        # Of weights of both signs the largest sum so far, so that it never falls.
        sums = np.cumsum(np.bincount(place, weights[seen], len(each)))
        return cls(-each, np.maximum.accumulate(sums))

    def cut(self, most: float) -> float:
        """The lowest value at which the sum is not above `most`; inf where there is none."""
        below = int(np.searchsorted(self.sums, most * (1 + 1e-12), side="right"))
        return float(self.values[below - 1]) if below else np.inf

    def at(self, cuts: NDArray) -> NDArray:
        """Sum of what is at these values or above."""
        place = np.searchsorted(-self.values, -cuts, side="right")
        return np.concatenate([[0.0], self.sums])[place]


def normalised(part: Classified, table: Table) -> NDArray:
    """Weights of the test jets that stand for all jets of their samples, shape (jets,).

    Args:
        part: the test jets.
        table: jets of all splits, with `sample`, `split` and `weight`.
    """
    weight = part.jets["weight"].astype(float)
    for sample in np.unique(part.jets["sample"]):
        mine = part.jets["sample"] == sample
        whole = float(table["weight"][table["sample"] == sample].sum())
        tested = float(weight[mine].sum())
        if tested > 0:
            weight[mine] *= whole / tested
    return weight


def evaluate(
    part: Classified, weight: NDArray, config: Trigger, times: int, seed: int
) -> dict[str, Any]:
    """The menu at its rate, and what one threshold on the momentum does at the same rates.

    Errors are those of the event bootstrap, in which all cuts are chosen anew; those of the rates
    at the chosen cuts are statistical.

    Args:
        part: jets with columns `event`, `pt` and the one of the turn-on curves.
        weight: of the jets, events per 1/fb, (jets,).
        config: classes, menu, rate, luminosity, bins.
        times: resamplings.
        seed: of the bootstrap.

    Returns:
        `background`, `luminosity`, `crossings`, `column`, `edges`; `rate`, that of the menu, and
        `offered`, that of all background events (value and error, Hz); `grid`, efficiencies; and
        `menu`, of each line its settings, `cut`, the `threshold` of one momentum that would have
        its rate (GeV; both null where nothing passes), `rate` and `pure`, that of events of no
        other line, and `tag` and `pt` with what the cut and the threshold do: `events` of the
        simulated background that pass, and, null where they are fewer than `FEW`, `efficiency`,
        `turn_on`, that in each bin, and `curve`, the rate (Hz) at each efficiency of the grid.

    Raises:
        BoostflowError: the model has no probability of a named class, or there is no rate.
    """
    signals = [item.signal for item in config.menu.values()]
    wanted = dict.fromkeys([*signals, *config.background])
    if missing := [name for name in wanted if name not in part.classes]:
        raise BoostflowError(
            f"evaluate.trigger: the model was trained without class {', '.join(missing)}; it has"
            f" {', '.join(part.classes)}"
        )
    return _Menu(part, weight, config).figures(times, seed)


class _Menu:
    """Lines of a menu on some jets."""

    def __init__(self, part: Classified, weight: NDArray, config: Trigger) -> None:
        self.config, self.event = config, part.jets["event"]
        hertz = weight * config.luminosity * PER_FB
        behind = [part.classes.index(name) for name in config.background]
        background = np.isin(part.code, behind)
        # Of each background event one jet stands for its weight.
        _, first, place = np.unique(self.event[background], return_index=True, return_inverse=True)
        self.first = np.flatnonzero(background)[first]
        self.hertz, self.weight = hertz[self.first], weight
        if self.hertz.sum() <= 0:
            raise BoostflowError("evaluate.trigger: the background has no positive sum of weights")
        self.x = config.crossings * 1e6
        self.most = -self.x * np.log1p(-config.rate / self.x)

        def line(value: NDArray, signal: str) -> Line:
            best = np.full(len(first), -np.inf)
            np.maximum.at(best, place, value[background])
            return Line(value, best, part.code == part.classes.index(signal))

        momentum = part.jets["pt"].astype(float)
        total = part.scores[:, behind].sum(axis=1)
        self.lines, self.thresholds = [], []
        for item in config.menu.values():
            mine = part.scores[:, part.classes.index(item.signal)]
            share = mine / np.maximum(mine + total, 1e-300)
            above = momentum >= item.pt_min
            self.lines.append(line(np.where(above, share, -np.inf), item.signal))
            self.thresholds.append(line(momentum, item.signal))
        self.bins = np.digitize(part.jets[config.column], config.edges) - 1

    def read(self, rate: NDArray | float) -> NDArray:
        """Rate of the crossings that are read, of the sum of the rates of their events (Hz)."""
        return -self.x * np.expm1(-np.asarray(rate) / self.x)

    def cuts(self, hertz: NDArray) -> list[float]:
        """The cut of each line: shares of the rates of all lines alone are those of the menu."""
        found = [Sums.of(line.best, hertz) for line in self.lines]
        shares = [item.share for item in self.config.menu.values()]
        # An event passes the menu once the rate in units of the share is that of its best line.
        needed = np.full(len(hertz), np.inf)
        for one, line, share in zip(found, self.lines, shares, strict=True):
            np.minimum(needed, one.at(line.best) / share, out=needed, where=line.best > -np.inf)
        scale = -Sums.of(-needed, hertz).cut(self.most)
        return [one.cut(share * scale) for one, share in zip(found, shares, strict=True)]

    def efficiencies(self, line: Line, cut: float, weight: NDArray) -> NDArray:
        """Parts of the class that pass: of all its jets, then of those in each bin (or NaN)."""
        size = len(self.config.edges) - 1
        passed = line.mine & (line.value >= cut)
        total, above = np.empty(size + 1), np.empty(size + 1)
        for sums, chosen in ((total, line.mine), (above, passed)):
            inside = chosen & (self.bins >= 0) & (self.bins < size)
            sums[0] = weight[chosen].sum()
            sums[1:] = np.bincount(self.bins[inside], weight[inside], size)
        return np.divide(above, total, out=np.full(size + 1, np.nan), where=total > 0)

    def curve(self, line: Line, hertz: NDArray, weight: NDArray) -> tuple[NDArray, NDArray]:
        """Cuts at which parts `GRID` of the class pass, inf where too few do, and the rates."""
        found = Sums.of(line.value[line.mine], weight[line.mine])
        wanted = GRID * weight[line.mine].sum() * (1 - 1e-9)
        place = np.searchsorted(found.sums, wanted)
        cuts = np.concatenate([found.values, [np.inf]])[place]
        return cuts, Sums.of(line.best, hertz).at(cuts)

    def everything(self, count: NDArray) -> dict[str, NDArray]:
        """All that is resampled, by name, for events that count so often."""
        hertz, weight = self.hertz * count[self.first], self.weight * count
        found = {}
        for name, ways in zip(self.config.menu, self.chosen(hertz), strict=True):
            for way, (line, cut) in ways.items():
                found[f"{name} {way} passing"] = self.efficiencies(line, cut, weight)
                found[f"{name} {way} curve"] = self.read(self.curve(line, hertz, weight)[1])
        return found

    def chosen(self, hertz: NDArray) -> list[dict[str, tuple[Line, float]]]:
        """Each line of the menu with its cut, and the momentum alone with its threshold."""
        ways = []
        for line, other, cut in zip(self.lines, self.thresholds, self.cuts(hertz), strict=True):
            alone = Sums.of(other.best, hertz).cut(hertz[line.best >= cut].sum())
            ways.append({"tag": (line, cut), "pt": (other, alone)})
        return ways

    def rate(self, passing: NDArray[np.bool_]) -> dict[str, float]:
        """Rate of the background events that pass, and its statistical error at these cuts (Hz)."""
        rate = self.hertz[passing].sum()
        error = np.sqrt((self.hertz[passing] ** 2).sum()) * np.exp(-rate / self.x)
        return {"value": float(self.read(rate)), "error": float(error)}

    def figures(self, times: int, seed: int) -> dict[str, Any]:
        """See `evaluate`."""
        one = np.ones(len(self.event))
        with np.errstate(invalid="ignore"):
            values = self.everything(one)
            flat = bootstrap(
                lambda count: np.concatenate(list(self.everything(count).values())),
                self.event,
                times,
                seed,
            ).error
        ends = np.cumsum([len(value) for value in values.values()])[:-1]
        errors = dict(zip(values, np.split(flat, ends), strict=True))
        chosen = self.chosen(self.hertz)
        passing = np.array([ways["tag"][0].best >= ways["tag"][1] for ways in chosen])
        menu: list[dict[str, Any]] = []
        for i, (name, item) in enumerate(self.config.menu.items()):
            limits = {"cut": chosen[i]["tag"][1], "threshold": chosen[i]["pt"][1]}
            menu.append(
                {"name": name, **item.model_dump()}
                | {key: end if np.isfinite(end) else None for key, end in limits.items()}
                | {"rate": self.rate(passing[i])}
                | {"pure": self.rate(passing[i] & (passing.sum(axis=0) == 1))}
                | {
                    way: self._way(*chosen[i][way], values, errors, f"{name} {way}")
                    for way in chosen[i]
                }
            )
        shown = {"background", "luminosity", "crossings", "column", "edges"}
        return {
            **self.config.model_dump(include=shown),
            "offered": self.rate(np.ones(len(self.hertz), bool)),
            "rate": self.rate(passing.any(axis=0)),
            "grid": GRID.tolist(),
            "menu": menu,
        }

    def _way(
        self,
        line: Line,
        cut: float,
        values: dict[str, NDArray],
        errors: dict[str, NDArray],
        name: str,
    ) -> dict[str, Any]:
        """What is told of one way to select."""
        events = int((line.best >= cut).sum())
        passing = values[f"{name} passing"]
        inside = [line.mine, *(line.mine & (self.bins == k) for k in range(len(passing) - 1))]
        told: list[dict[str, float] | None] = [None] * len(passing)
        if events >= FEW:
            for k, (value, error) in enumerate(
                zip(passing, errors[f"{name} passing"], strict=True)
            ):
                size = effective(self.weight[inside[k]])
                if np.isfinite(value) and size > 0:
                    least = float(efficiency_error(value * size, size))
                    error = max(float(np.nan_to_num(error)), least)
                    told[k] = {"value": float(value), "error": error}
        cuts = self.curve(line, self.hertz, self.weight)[0]
        enough = [(line.best >= one).sum() >= FEW for one in cuts]
        curve = zip(enough, values[f"{name} curve"], errors[f"{name} curve"], strict=True)
        return {
            "events": events,
            "efficiency": told[0],
            "turn_on": told[1:],
            "curve": [
                {"value": float(v), "error": float(e)} if good else None for good, v, e in curve
            ],
        }
