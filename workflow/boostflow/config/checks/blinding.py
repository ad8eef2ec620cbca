"""Blinding: where collision data are hidden, where they are shown, and no place is both.

While the analysis is blinded (`infer.unblind: false`), data are hidden

* in the regions of the fit that are not declared `control`; in those of a background from data with
  hidden windows (`infer.transfer.hidden`) only there,
* in region A of the ABCD estimate and in the window of the sideband, if they are made with data,

and nothing that is shown may reach into them: the `control` regions of the fit, and of the
background estimates B, C, D, the sideband and the control regions. That has to follow from the
ranges: both limit the same variable of the leading jet, or scores of one model whose
probabilities add up to 1 (`exclusive`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf

from boostflow.config.background import Cut
from boostflow.config.checks.exclusive import probabilities, share_jets
from boostflow.config.config import Config
from boostflow.config.problems import Place, Problem
from boostflow.config.samples import is_data
from boostflow.config.statistics import Region


@dataclass(frozen=True)
class Limit:
    """A range of one variable of one jet of the event, or of a sum of scores."""

    model: str | None
    columns: tuple[str, ...]
    jet: str
    range: tuple[float, float]


@dataclass(frozen=True)
class Area:
    """Events inside all limits; `key` and `name` are those of messages."""

    key: str
    name: str
    limits: tuple[Limit, ...]


def check(config: Config, at: Place) -> Iterator[Problem]:
    """While the analysis is blinded, nothing that is shown holds hidden collision data."""
    if config.unblind or not any(map(is_data, config.samples.values())):
        return
    found = (
        (at / shown.key).problem(
            f"collision data in {shown.name} are shown, but may lie in {hidden.name}, where they"
            " are hidden: make the ranges apart, or set infer.unblind: true"
        )
        for shown, hidden in itertools.product(_shown(config), _hidden(config))
        # Parts of one estimate are apart by construction, as regions of the fit are.
        if shown.key != hidden.key and not _apart(shown, hidden, config)
    )
    yield from dict.fromkeys(found)


def _hidden(config: Config) -> list[Area]:
    return [*_of_fit(config, control=False), *_of_estimates(config, shown=False)]


def _shown(config: Config) -> list[Area]:
    return [*_of_fit(config, control=True), *_of_estimates(config, shown=True)]


def _of_fit(config: Config, control: bool) -> list[Area]:
    """Regions of the fit with or without signal."""
    if not config.has_fit:
        return []
    result = []
    block = config.infer.transfer if config.infer else None
    partly = block.regions() if block is not None and block.hidden else []
    for name, region in config.templates.regions.items():
        if name in partly and block is not None:
            score = _score(region)
            edges = [-inf, *(x for window in sorted(block.hidden) for x in window), inf]
            beside = list(zip(edges[::2], edges[1::2], strict=True))
            what = f"region {name} of the fit, {'beside its' if control else 'in a'} hidden window"
            for part in beside if control else map(_pair, block.hidden):
                limit = Limit(None, (config.templates.variable,), "leading", part)
                result.append(Area("templates.regions", what, (*score, limit, _axis(config))))
        elif region.control == control:
            score = _score(region)
            what = f"{'control ' if control else ''}region {name} of the fit"
            result.append(Area("templates.regions", what, (*score, _axis(config))))
    return result


def _score(region: Region) -> list[Limit]:
    """The ranges of a region: of its score, if it has one, and of columns of the jets."""
    within = [Limit(None, (c,), "leading", _pair(r)) for c, r in region.within.items()]
    if not region.range:
        return within
    return [Limit(region.model, tuple(region.columns()), "leading", _pair(region.range)), *within]


def _of_estimates(config: Config, shown: bool) -> list[Area]:
    """What the background estimates look at, or hide."""
    block = config.background
    if block is None or block.data != "observed":
        return []
    result = []
    if block.abcd is not None:
        x, y, key = block.abcd.x, block.abcd.y, "background.abcd"
        corners = {
            "A": (x.signal, y.signal),
            "B": (x.signal, y.control),
            "C": (x.control, y.signal),
            "D": (x.control, y.control),
        }
        for name, (one, other) in corners.items():
            if (name != "A") == shown:
                limits = (_limit(x, one), _limit(y, other), _axis(config))
                result.append(Area(key, f"region {name} of background.abcd", limits))
    if block.sideband is not None:
        side, key = block.sideband, "background.sideband"
        cut = [_limit(side.within, side.within.range)] if side.within else []
        (low, high), (first, last) = side.range, side.window
        name = "background.sideband" if shown else "the window of background.sideband"
        for part in [(low, first), (last, high)] if shown else [(first, last)]:
            limit = Limit(None, (side.variable,), "leading", part)
            result.append(Area(key, name, (*cut, limit)))
    for name, region in block.control.items() if shown else ():
        key = f"background.control.{name}"
        result.append(Area(key, "the region", (_limit(region, region.range), _axis(config))))
    return result


def _axis(config: Config) -> Limit:
    """What lies outside the axis of the templates is in no histogram."""
    block = config.templates
    return Limit(None, (block.variable,), "leading", _pair(block.range))


def _limit(cut: Cut, limits: Sequence[float]) -> Limit:
    return Limit(cut.model, (cut.column,), cut.jet, _pair(limits))


def _pair(limits: Sequence[float]) -> tuple[float, float]:
    low, high = limits
    return low, high


def _apart(one: Area, other: Area, config: Config) -> bool:
    """Whether no event can be in both."""
    return any(_exclude(a, b, config) for a, b in itertools.product(one.limits, other.limits))


def _exclude(one: Limit, other: Limit, config: Config) -> bool:
    if (one.model, one.jet) != (other.model, other.jet):
        return False
    known = probabilities(config, one.model or "")
    return share_jets(one.columns, one.range, other.columns, other.range, known) is False
