"""How the finite number of simulated jets enters the workspace: parameters of a region's bins.

* `staterror_REGION` on the backgrounds and `staterror_REGION.signal` on the signal: a Gaussian
  factor per bin (Barlow-Beeston, lite) of the sum of the samples. Signal and background have one
  each, because mu scales the first alone: in common, the background's error would shrink by
  b / (s + b) where mu is 0, and that is where a significance is decided. Where there are several
  parameters of interest the samples of each have their own, `staterror_REGION.signal.POI`.
* `staterror_REGION.empty.SAMPLE`, where a background has no simulated jet in a bin and one would be
  more than all other background there: a factor cannot make anything of nothing. With no jet found
  where b / w are expected the likelihood of b is exp(-b / w), w the weight of one jet. A
  Poisson-constrained factor (shapesys) gamma of a content c with the error sqrt(c w) is that
  exactly for small c, with b = gamma c. Where several samples are empty, the one with the largest w
  tells the most likely sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boostflow.templates.files import Template, TemplateSet

FLOOR = 1e-6
"""Expected events in a bin that is empty or negative."""
PREFIX = "staterror_"
"""How the names of all parameters of this module begin."""
SIGNAL, EMPTY = ".signal", ".empty"
"""How the names of those of the signal and of bins without background go on."""
LOWEST = 1e-10
"""Smallest factor of an empty bin."""
MARGIN = 10.0
"""Events that an empty bin may have beyond what there is, three times."""


def of_empty_bin(parameter: str) -> bool:
    """Whether a parameter of the workspace is the content of bins that are empty in simulation."""
    return parameter.startswith(PREFIX) and EMPTY in parameter


def errors(template: Template, weight: float, pseudo: Template | None = None) -> NDArray:
    """Statistical errors of a sample's bins, shape (bins,).

    An empty or negative bin has that of one jet, or its own if that is larger.

    Args:
        template: nominal one.
        weight: mean weight of one jet of the sample.
        pseudo: the template that pseudo-data were drawn from; its errors count, too.
    """
    variances = template.variances
    variances = np.where(template.values <= 0, np.maximum(weight**2, variances), variances)
    return np.sqrt(variances if pseudo is None else variances + pseudo.variances)


class Statistics:
    """Modifiers of one region's samples, and the bounds of their parameters.

    Args:
        region: its name.
        nominal: templates of the region by sample.
        weights: mean weight of one jet, of the samples that the workspace has.
        pois: the signal samples, by parameter of interest.
        pseudo: templates of all regions that pseudo-data were drawn from, or null.
        most: the largest number of events to be described in each bin, shape (bins,).
        filled: false: only bins without any simulated background get a parameter, as they do
            always: `FLOOR` is no knowledge of them.
        beside: expected background that is not simulated, shape (bins,) or (1,).
    """

    def __init__(
        self,
        region: str,
        nominal: Mapping[str, Template],
        weights: Mapping[str, float],
        pois: Mapping[str, Sequence[str]],
        pseudo: TemplateSet | None,
        most: NDArray,
        filled: bool = True,
        beside: NDArray | float = 0.0,
    ) -> None:
        self.name = f"{PREFIX}{region}"
        self._errors = {
            sample: errors(nominal[sample], weight, pseudo[region][sample] if pseudo else None)
            for sample, weight in weights.items()
        }
        ends = {poi: f"{SIGNAL}.{poi}" if len(pois) > 1 else SIGNAL for poi in pois}
        self._end = {x: ends[poi] for poi, mine in pois.items() for x in mine if x in weights}
        self._background = [sample for sample in weights if sample not in self._end]
        # By signal sample: where any of those with the same parameter of interest has events.
        self._s = {
            x: self._filled_by([y for y in self._end if self._end[y] == end], nominal, len(most))
            for x, end in self._end.items()
        }
        self._b = self._filled_by(self._background, nominal, len(most))
        self._nothing = {x: nominal[x].values <= 0 for x in weights}
        none = np.zeros(len(most))
        known = np.sum([none, *(nominal[x].values.clip(0) for x in self._background)], axis=0)
        missing = np.array(
            [none, *(np.where(self._nothing[x], self._errors[x], 0) for x in self._background)]
        )
        # Where nothing at all is expected a bin says nothing.
        something = np.any([self._b, *self._s.values()], axis=0)
        self._empty = something & (missing.max(axis=0) > known + beside)
        self._carrier = missing.argmax(axis=0) - 1
        self._total, self._most, self._all = known, most, filled

    @staticmethod
    def _filled_by(
        samples: Sequence[str], nominal: Mapping[str, Template], bins: int
    ) -> NDArray[np.bool_]:
        """Whether one of the samples has a positive content, shape (bins,)."""
        return np.any([np.zeros(bins, bool), *(nominal[x].values > 0 for x in samples)], axis=0)

    def _carried(self, sample: str) -> NDArray[np.bool_]:
        """The bins in which a background stands for what is not known of all, shape (bins,)."""
        return self._empty & (self._carrier == self._background.index(sample))

    def _gaussian(self, sample: str) -> NDArray:
        """Errors that the Gaussian factors hold, shape (bins,)."""
        mine = self._errors[sample]
        if sample in self._s:
            return np.where(self._s[sample], mine, 0.0)
        mine = np.where(self._empty & self._nothing[sample], 0.0, mine)
        if sample == self._background[0]:
            # An empty signal cannot have a factor of its own either; its error is there anyhow.
            lost = [np.where(s, 0.0, self._errors[x]) for x, s in self._s.items()]
            mine = np.hypot.reduce([mine, *lost])
        return np.where(self._b, mine, 0.0)

    def modifiers(self, sample: str) -> list[dict[str, Any]]:
        """The modifiers of a sample that say how few jets were simulated."""
        result = []
        if self._all:
            name = self.name + self._end.get(sample, "")
            data = self._gaussian(sample).tolist()
            result.append({"name": name, "type": "staterror", "data": data})
        if sample in self._background and self._carried(sample).any():
            data = np.where(self._carried(sample), np.sqrt(FLOOR * self._errors[sample]), 0.0)
            name = f"{self.name}{EMPTY}.{sample}"
            result.append({"name": name, "type": "shapesys", "data": data.tolist()})
        return result

    def parameters(self) -> list[dict[str, Any]]:
        """Bounds of the parameters whose factors may go beyond 10, where pyhf would end them."""
        result = []
        error = np.hypot.reduce([np.zeros(len(self._most)), *map(self._gaussian, self._background)])
        relative = error / np.where(self._total > 0, self._total, 1.0)
        if self._all and (relative > 1).any():
            bounds = [[LOWEST, float(max(10.0, 1 + 9 * x))] for x in relative]
            result.append({"name": self.name, "bounds": bounds})
        for sample in self._background:
            if (mine := self._carried(sample)).any():
                # More than a fit can want, but not so much that steps become useless.
                reach = np.where(mine, 3 * (self._most + MARGIN) / FLOOR, 10.0)
                bounds = [[LOWEST, float(x)] for x in reach]
                result.append({"name": f"{self.name}{EMPTY}.{sample}", "bounds": bounds})
        return result
