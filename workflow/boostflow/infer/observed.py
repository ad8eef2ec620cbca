"""What is fitted: the expectation (Asimov), pseudo-data, or collision data, and who may see which.

* `asimov`: the sum of the nominal templates, mu = 1.
* `pseudo`: a Poisson number in each bin around the expectation of the validation split. No event of
  it is in the templates (test split) or in the training. Its expectation has a statistical error of
  its own, which `workspace.build` adds to that of the templates: pulls are then those of data.
* `observed`: samples with `data: true`, with `infer.unblind` alone.

Collision data is in the template file only where it may be seen: in all regions with
`infer.unblind`, else in those with `control: true` (`templates.build`). Where it is there but not
fitted, the pre-fit plot shows it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from boostflow.config.statistics import Infer
from boostflow.errors import BoostflowError
from boostflow.templates.files import TemplateSet


def split(nominal: TemplateSet, data: Sequence[str]) -> tuple[TemplateSet, dict[str, NDArray]]:
    """Simulated templates, and the counts of the data samples where they are there.

    Args:
        nominal: all templates of nominal.root.
        data: names of the samples of collision data.

    Returns:
        Templates without those samples, and counts by region, shape (bins,).

    Raises:
        BoostflowError: a region lacks a sample that another one has, or some of the data samples.
    """
    simulated = {
        region: {name: t for name, t in contents.items() if name not in data}
        for region, contents in nominal.items()
    }
    names = {name for contents in simulated.values() for name in contents}
    for region, contents in simulated.items():
        for name in sorted(names - set(contents)):
            raise BoostflowError(f"template {region}/{name}: missing; make the templates again")
    counts = {}
    for region, contents in nominal.items():
        found = [name for name in data if name in contents]
        if found and len(found) < len(data):
            missing = sorted(set(data) - set(found))
            raise BoostflowError(
                f"template {region}/{missing[0]}: missing; make the templates again"
            )
        if found:
            counts[region] = np.sum([contents[name].values for name in found], axis=0)
    return simulated, counts


def observations(
    config: Infer, nominal: TemplateSet, counts: dict[str, NDArray], pseudo: TemplateSet | None
) -> tuple[dict[str, NDArray] | None, list[str]]:
    """Observed numbers by region, null for Asimov data, and notes.

    Args:
        config: `data`, `unblind`, `seed`.
        nominal: simulated templates.
        counts: collision data by region.
        pseudo: templates of the validation split, for pseudo-data.

    Raises:
        BoostflowError: what is wanted is not there or not allowed.
    """
    if config.data == "asimov":
        return None, []
    if config.data == "observed":
        if not config.unblind:
            raise BoostflowError("infer.data: observed needs infer.unblind: true")
        if missing := [region for region in nominal if region not in counts]:
            raise BoostflowError(
                f"infer.data: no collision data in the templates of region {', '.join(missing)}; "
                "a sample with data: true is needed"
            )
        return {region: counts[region] for region in nominal}, []
    if pseudo is None:
        raise BoostflowError("infer.data: pseudo needs the templates of the validation split")
    rng = np.random.default_rng(config.seed)
    result, notes = {}, []
    for region in nominal:
        expected = np.sum([t.values for t in pseudo[region].values()], axis=0)
        if (expected < 0).any():
            bins = ", ".join(str(i + 1) for i in np.flatnonzero(expected < 0))
            notes.append(
                f"{region}: pseudo-data of bins {bins} drawn around 0, the expectation is negative"
            )
        result[region] = rng.poisson(np.maximum(expected, 0)).astype(float)
    return result, notes
