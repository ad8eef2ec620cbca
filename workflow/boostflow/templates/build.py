"""Fill the templates of one variation.

Jets of the test split that are candidates enter, with the weight (signed) x luminosity x the
variation's relative weight. Of collision data all candidates enter and each counts 1, in the
regions where it may be seen. Negative weights are kept as they are: a bin may be negative, its
variance is the sum of squared weights all the same, and the fit decides what to do with it
(`infer.workspace`).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from itertools import combinations

import hist
import numpy as np
from numpy.typing import NDArray

from boostflow.config.background import Selection
from boostflow.config.statistics import Region, Templates
from boostflow.config.transfer import touched
from boostflow.errors import BoostflowError
from boostflow.jobs.statistics import FillTemplates
from boostflow.scored import TEST, VALIDATION, Table
from boostflow.templates.categories import cluster_classes

log = logging.getLogger(__name__)

Histograms = dict[tuple[str, str], hist.Hist]
"""Templates by (region, sample)."""


def in_region(region: Region | Selection, score: NDArray) -> NDArray[np.bool_]:
    """Tell which scores lie in the range of a region."""
    return in_range(region.range, score)


def in_range(limits: Sequence[float], values: NDArray) -> NDArray[np.bool_]:
    """Tell which values lie in a range: low <= value < high, and 1 lies in [low, 1].

    NaN lies in none.
    """
    low, high = limits
    values = np.asarray(values, dtype=float)
    return (values >= low) & ((values < high) | ((high == 1) & (values == 1)))


ROUNDING = 1e-5
"""A sum of several probabilities may be this much above 1."""


def summed(table: Table, columns: Sequence[str]) -> NDArray:
    """The score of a region: a column of a score table, or the sum of several, shape (jets,)."""
    total = np.sum([np.asarray(table[name], dtype=float) for name in columns], axis=0)
    # What is 1 but for rounding is in a range that ends there.
    several = len(columns) > 1
    return np.where(several & (total > 1) & (total < 1 + ROUNDING), 1.0, total)


def regions_of(
    job: FillTemplates,
    scores: Mapping[str, Table],
    sample: str,
    classes: Mapping[str, Mapping[int, str]],
    jets: Table | None = None,
) -> dict[str, NDArray]:
    """Masks of the jets of a sample that lie in each region, by its name.

    Args:
        job: the regions, and the columns of clusters.
        scores: score columns of the sample's jets by model.
        sample: its name, for messages.
        classes: the class that each cluster stands for, by model, where regions are clusters.
        jets: with the columns that regions have ranges of; null if none does.

    Raises:
        BoostflowError: a model or score column is missing, or a jet lies in two regions.
    """
    inside = {}
    for name, region in job.templates.regions.items():
        if region.model not in scores:
            raise BoostflowError(
                f"templates.regions.{name}.model: no scores of {region.model}; "
                f"there are {', '.join(scores)}"
            )
        columns = scores[region.model]
        if region.clusters is not None:
            number = columns[job.clusters[region.model]]
            mine = [k for k, name in classes[region.model].items() if name in region.clusters]
            inside[name] = np.isin(number, mine)
            continue
        for column in region.columns():
            if column not in columns:
                raise BoostflowError(
                    f"templates.regions.{name}.score: {region.model} has no column {column}; "
                    f"it has {', '.join(columns)}"
                )
        inside[name] = in_region(region, summed(columns, region.columns()))
    for name, region in job.templates.regions.items():
        for column, limits in region.within.items() if jets is not None else ():
            inside[name] = inside[name] & in_range(limits, jets[column])
    # What is left out is what the ranges of those regions hold, whatever these leave out.
    ranges = dict(inside)
    for name, region in job.templates.regions.items():
        for other in region.without:
            inside[name] = inside[name] & ~ranges[other]
    for one, other in combinations(inside, 2):
        both = int((inside[one] & inside[other]).sum())
        if both:
            raise BoostflowError(
                f"templates.regions: {both} jets of {sample} lie in {one} and in {other}; "
                f"regions must not overlap: `without: [{one}]` leaves them out of {other}"
            )
    return inside


FATES = {
    "drop": "not counted",
    "first": "below: counted in the first bin; above: not counted",
    "last": "above: counted in the last bin; below: not counted",
    "both": "counted in the first and the last bin",
}
"""What is said of jets outside of the axis, by `templates.overflow`."""


def _folded(
    value: NDArray, inside: NDArray[np.bool_], config: Templates
) -> tuple[NDArray, NDArray[np.bool_]]:
    """Values and whether they count, with what lies outside moved into the outer bins if wanted."""
    low, high = config.range
    below = (value < low) & (config.overflow in ("first", "both"))
    above = (value >= high) & ~inside & (config.overflow in ("last", "both"))
    value = np.where(below, low, np.where(above, np.nextafter(high, low), value))
    return value, inside | below | above


SPLITS = {"test": TEST, "validation": VALIDATION}
"""Values of the column `split` by name."""


def fill(
    jets: Mapping[str, Table],
    scores: Mapping[str, Mapping[str, Table]],
    job: FillTemplates,
    notes: list[str] | None = None,
) -> Histograms:
    """The templates of one variation: expected events, `Weight` storage.

    Args:
        jets: selected jets by sample with the template variable, `split`, `candidate`, `weight`
            (events per 1/fb), the weighting's column where it applies, and `label` where
            regions are clusters.
        scores: score columns of those jets by sample and model.
        job: variable, axis, regions, and which jets enter with which weight.
        notes: the share of each region's jets outside of the axis is added to them.

    Raises:
        BoostflowError: regions overlap, a region has no jet of any sample, or a value or a
            weight is not finite.
    """
    config, weighting = job.templates, job.weighting
    axis = (
        hist.axis.Regular(config.bins, *config.range, name=config.variable, flow=False)
        if config.edges is None
        else hist.axis.Variable(config.edges, name=config.variable, flow=False)
    )
    outside: dict[str, list[str]] = {region: [] for region in config.regions}
    classes = {
        model: cluster_classes(jets, {s: scores[s][model][column] for s in jets}, model)
        for model, column in job.clusters.items()
    }
    result: Histograms = {}
    counts = dict.fromkeys(config.regions, 0)
    for sample, table in jets.items():
        inside = regions_of(job, scores[sample], sample, classes, table)
        used = table["candidate"].astype(bool)
        value = table[config.variable].astype(float)
        if sample in job.data:
            weight = np.ones(len(value))
        else:
            used &= table["split"] == SPLITS[job.split]
            weight = table["weight"] * job.luminosity
        if weighting is not None and weighting.applies(sample):
            weight = weight * table[weighting.column]
        for region, limits in config.regions.items():
            windows = job.hidden.get(region, []) if sample in job.data else []
            if sample in job.data and not (job.unblind or limits.control or windows):
                continue
            mine = used & inside[region]
            bad = int((~np.isfinite(value[mine])).sum() + (~np.isfinite(weight[mine])).sum())
            if bad:
                raise BoostflowError(
                    f"template {region}/{sample}: {bad} jets have no finite {config.variable} or "
                    f"weight{f' ({weighting.column})' if weighting else ''}"
                )
            # To the last bin of an axis hist would count its upper edge, too.
            inside_axis = in_range(config.range, value)
            size = np.abs(weight)
            if (left := size[mine & ~inside_axis].sum()) > 0:
                outside[region].append(f"{100 * left / size[mine].sum():.2g} % of {sample}")
            moved, counted = _folded(value, inside_axis, config)
            mine &= counted
            if windows:
                hidden = np.array(touched(windows, axis.edges.tolist()))
                bins = np.searchsorted(axis.edges, moved, "right") - 1
                mine &= ~hidden[np.clip(bins, 0, len(hidden) - 1)]
            template = hist.Hist(axis, storage=hist.storage.Weight(), name=f"{region}/{sample}")
            template.fill(moved[mine], weight=weight[mine])
            result[region, sample] = template
            if sample not in job.data:
                counts[region] += int(mine.sum())
    low, high = config.range
    for region, shares in outside.items():
        if shares and notes is not None:
            notes.append(
                f"{region}: {config.variable} is outside of {low:g} to {high:g} for "
                f"{', '.join(shares)} ({FATES[config.overflow]})"
            )
    for region, count in counts.items():
        if count == 0 and not job.allow_empty:
            limits = config.regions[region]
            inside = f"{limits.expression()} in {limits.range}"
            if limits.clusters is not None:
                inside = f"a cluster of {', '.join(limits.clusters)}"
            cuts = "".join(f", {name} in {cut}" for name, cut in limits.within.items())
            raise BoostflowError(
                f"templates.regions.{region}: no jet of any sample has {limits.model} "
                f"{inside}{cuts} and {config.variable} in {config.range}; widen "
                "templates.regions or templates.range, or simulate more events (samples.*.events)"
            )
    log.info("%s", ", ".join(f"{region}: {count} jets" for region, count in counts.items()))
    return result
