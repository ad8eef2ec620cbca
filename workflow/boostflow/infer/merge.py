"""Merge bins of the templates where too little was simulated to know the background."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from boostflow.config.transfer import Transfer
from boostflow.templates.files import Template, TemplateSet


def steady(templates: Mapping[str, TemplateSet], jets: float) -> dict[str, TemplateSet]:
    """Templates in which single jets make no shape: `infer.few_jets`.

    Bins in which fewer jets of a sample were simulated (the square of the content over its
    variance) change, under each variation, as the sum of the sample's others in the region.

    Args:
        templates: by variation, nominal among them, bins merged already.
        jets: 0 leaves all as they are.
    """

    def steadied(nominal: Template, varied: Template) -> Template:
        filled = nominal.values > 0
        few = filled & (nominal.values**2 < jets * nominal.variances)
        known = filled & ~few if (filled & ~few).any() else filled
        if not few.any():
            return varied
        ratio = varied.values[known].sum() / nominal.values[known].sum()
        return replace(
            varied,
            values=np.where(few, nominal.values * ratio, varied.values),
            variances=np.where(few, nominal.variances * ratio**2, varied.variances),
        )

    first = templates["nominal"]
    return {
        variation: {
            region: {s: steadied(first[region][s], template) for s, template in contents.items()}
            for region, contents in others.items()
        }
        for variation, others in templates.items()
    }


def mean_weight(nominal: TemplateSet, sample: str) -> float:
    """Mean weight of a sample's jets over all regions that have it; 0 without a positive sum."""
    found = [region[sample] for region in nominal.values() if sample in region]
    values = sum(template.values.sum() for template in found)
    squares = sum(template.variances.sum() for template in found)
    return float(squares / values) if values > 0 else 0.0


def binning(nominal: TemplateSet, region: str, signal: list[str], most: float) -> NDArray:
    """Indices of the edges that a region keeps.

    From the left, bins are joined until the relative statistical error of the background is at most
    `most`; what is left at the right end joins the last bin. A sample without events in a bin
    counts with the error of one jet, or its own (weights of both signs) if that is larger.

    Args:
        nominal: nominal templates.
        region: which region.
        signal: samples that are not background.
        most: largest relative error.

    Returns:
        Ascending indices from 0 to the number of bins.
    """
    background = [sample for sample in nominal[region] if sample not in signal]
    size = len(next(iter(nominal[region].values())).values)
    if not background:
        return np.arange(size + 1)
    values = np.array([nominal[region][sample].values for sample in background])
    variances = np.array([nominal[region][sample].variances for sample in background])
    one_jet = np.array([mean_weight(nominal, sample) for sample in background]) ** 2
    edges = [0]
    for stop in range(1, size + 1):
        content = values[:, edges[-1] : stop].sum(axis=1)
        variance = variances[:, edges[-1] : stop].sum(axis=1)
        variance = np.where(content > 0, variance, np.maximum(one_jet, variance))
        if content.sum() > 0 and variance.sum() <= (most * content.sum()) ** 2:
            edges.append(stop)
    # The rest at the right end is too poor for a bin of its own.
    return np.array([*edges[: max(len(edges) - 1, 1)], size])


def binnings(
    nominal: TemplateSet, signal: list[str], most: float, transfer: Transfer | None
) -> dict[str, NDArray]:
    """Indices of the edges that each region keeps.

    Those of `binning`, but all of them where a background is taken from data, bin by bin in several
    regions.
    """
    kept = transfer.regions() if transfer else []
    return {
        region: np.arange(len(next(iter(contents.values())).edges))
        if region in kept
        else binning(nominal, region, signal, most)
        for region, contents in nominal.items()
    }


def merge(templates: TemplateSet, edges: dict[str, NDArray]) -> TemplateSet:
    """Templates with only some of their edges, given by index for each region."""

    def merged(template: Template, keep: NDArray) -> Template:
        return replace(
            template,
            values=np.add.reduceat(template.values, keep[:-1]),
            variances=np.add.reduceat(template.variances, keep[:-1]),
            edges=template.edges[keep],
        )

    return {
        region: {sample: merged(template, edges[region]) for sample, template in contents.items()}
        for region, contents in templates.items()
    }
