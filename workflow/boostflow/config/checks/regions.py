"""Checks of regions: those of the fit, and others in their place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from boostflow.config.base import share_values
from boostflow.config.checks.exclusive import probabilities, share_jets
from boostflow.config.config import Config
from boostflow.config.problems import Place, Problem, suggest
from boostflow.config.statistics import Region
from boostflow.models.family import clusters_jets


def check(regions: Mapping[str, Region], config: Config, at: Place) -> Iterator[Problem]:
    """Models, scores and classes of regions exist, and no two regions overlap.

    Args:
        regions: by name.
        config: the configuration.
        at: the key that holds them.
    """
    names = list(regions)
    for i, (name, region) in enumerate(regions.items()):
        here = at / name
        model = config.models.get(region.model)
        for column in region.within:
            if column not in config.columns():
                yield (here / "within").unknown("observable", column, config.columns())
        if model is None:
            yield (here / "model").unknown("model", region.model, config.models)
        elif region.clusters is not None:
            if not clusters_jets(model):
                yield (here / "clusters").problem(f"{region.model} does not cluster jets")
                continue
            classes = config.classes_of(model)
            for label in region.clusters:
                if label not in classes:
                    text = "no cluster stands for class"
                    yield (here / "clusters").problem(f"{text} {label!r}{suggest(label, classes)}")
        else:
            scores = [score.column for score in model.scores(config.labels())]
            for column in region.columns():
                if column not in scores:
                    yield (here / "score").unknown("score", column, scores)
        for other in region.without:
            if other not in regions or other == name:
                known = [n for n in names if n != name]
                yield (here / "without").unknown("region", other, known)
        for other in names[:i]:
            if other in region.without or name in regions[other].without:
                continue
            yield from _overlap(config, region, other, regions[other], here)


def _overlap(
    config: Config, region: Region, other: str, second: Region, at: Place
) -> Iterator[Problem]:
    shared = set(region.within) & set(second.within)
    apart = any(not share_values(region.within[c], second.within[c]) for c in shared)
    if apart or region.model != second.model:
        return
    if region.clusters and second.clusters:
        if both := set(region.clusters) & set(second.clusters):
            yield (at / "clusters").problem(f"{', '.join(sorted(both))} is in region {other}, too")
    elif region.range and second.range:
        mine, its = region.columns(), second.columns()
        known = probabilities(config, region.model)
        if not share_jets(mine, region.range, its, second.range, known, touching=False):
            return
        if set(mine) == set(its):
            ends = 1 in (region.range[1], second.range[1])
            why = " (1 belongs to a range that ends there)" if ends else ""
            yield (at / "range").problem(f"overlaps with that of region {other}{why}")
        else:
            low, high = second.range
            yield (at / "range").problem(
                f"overlaps with region {other}: a jet can have {region.expression()} in this range"
                f" and {second.expression()} between {low:g} and {high:g} (probabilities add up to"
                " 1)"
            )
