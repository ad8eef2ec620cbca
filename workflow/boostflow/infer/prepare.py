"""What a workspace is made of, from the files of the templates: bins merged, data, estimates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from boostflow.config.statistics import Infer
from boostflow.config.systematics import AnySystematic
from boostflow.config.transfer import Order, Transfer
from boostflow.infer import enter, ftest, observed, transfer, workspace
from boostflow.infer.merge import binnings, merge, steady
from boostflow.infer.transfer import Estimate
from boostflow.io import read_json
from boostflow.templates.files import TemplateSet, read, read_variations

if TYPE_CHECKING:
    from boostflow.jobs.statistics import OfFit

PSEUDO = "pseudo"
"""Variation that the templates of the validation split count as."""


@dataclass(frozen=True)
class Parts:
    """All that a workspace is made of."""

    config: Infer
    systematics: Mapping[str, AnySystematic]
    templates: Mapping[str, TemplateSet]
    """By variation, with the bins of the fit."""
    counts: Mapping[str, NDArray]
    """Collision data that may be seen, by region."""
    observed: Mapping[str, NDArray] | None
    """What is fitted, by region; null for Asimov data."""
    pseudo: TemplateSet | None
    """Templates that pseudo-data were drawn from."""
    controls: Sequence[Mapping[str, Any]]
    """Scale factors of control regions."""
    orders: Mapping[str, Order]
    """Order of each function by its name, where a background comes from data."""
    notes: Sequence[str]
    """On data that were drawn."""
    validation: Parts | None = None
    """The same of the fail and the validation regions, which the fit leaves out."""

    @property
    def edges(self) -> dict[str, list[float]]:
        """Edges of the bins by region."""
        nominal = self.templates["nominal"]
        return {r: next(iter(found.values())).edges.tolist() for r, found in nominal.items()}

    def estimate(self, block: Transfer | None, orders: Mapping[str, Order]) -> Estimate | None:
        """Start values of samples that come from data; null if none do."""
        if block is None:
            return None
        return transfer.estimate(block, self.templates["nominal"], self.observed, orders)

    def workspace(self, estimate: Estimate | None) -> tuple[dict[str, Any], list[str]]:
        """The workspace, and notes on what was mended in it."""
        spec, notes = workspace.build(
            self.templates, self.systematics, self.config, self.observed, self.pseudo, estimate
        )
        for control in self.controls:
            spec = enter.apply(spec, control)
        return spec, notes


def prepare(job: OfFit, files: OfFit.Files) -> Parts:
    """Read the files of a fit.

    Args:
        job: the settings.
        files: what is read.

    Raises:
        BoostflowError: a file cannot be read, or templates or data are missing or do not belong
            together.
    """
    config = job.infer
    found = read_variations(files.templates)
    found["nominal"], counts = observed.split(found["nominal"], job.data)
    for path in files.pseudo:
        found[PSEUDO] = read(path)
    kept = [read_json(path)["control"] for path in files.controls]
    apart = _validation(job, found, counts, kept)
    found = {name: transfer.fitted(others, config.transfer) for name, others in found.items()}
    counts = {region: n for region, n in counts.items() if region in found["nominal"]}
    return replace(_parts(config, job, found, counts, kept), validation=apart)


def _validation(
    job: OfFit,
    found: Mapping[str, TemplateSet],
    counts: Mapping[str, NDArray],
    controls: Sequence[Mapping[str, Any]],
) -> Parts | None:
    """Fail and validation regions, with collision data where they may be seen, else without signal
    in pseudo-data; null where no region is declared."""
    block = job.infer.transfer
    if block is None or not block.validation:
        return None
    mine = block.validating()
    config = job.infer.model_copy(update={"transfer": mine})
    chosen = {}
    for name, others in found.items():
        chosen[name] = {region: dict(others[region]) for region in mine.regions()}
        for contents in chosen[name].values() if name == PSEUDO else ():
            for sample in config.signals():
                t = contents[sample]
                contents[sample] = replace(t, values=0 * t.values, variances=0 * t.variances)
    shown = {region: counts[region] for region in mine.regions() if region in counts}
    parts = _parts(config, job, chosen, shown, controls)
    if len(shown) < len(mine.regions()):
        return parts
    config = config.model_copy(update={"data": "observed"})
    return replace(parts, config=config, observed=parts.counts, pseudo=None)


def _parts(
    config: Infer,
    job: OfFit,
    found: Mapping[str, TemplateSet],
    counts: Mapping[str, NDArray],
    controls: Sequence[Mapping[str, Any]],
) -> Parts:
    """What a workspace of all regions of the templates is made of."""
    edges = binnings(found["nominal"], config.signals(), config.bin_error_max, config.transfer)
    for variation, others in found.items():
        workspace.check_alike(found["nominal"], others, variation)
    merged = {name: merge(others, edges) for name, others in found.items()}
    counts = {region: np.add.reduceat(n, edges[region][:-1]) for region, n in counts.items()}
    independent = source = merged.pop(PSEUDO, None)
    merged = steady(merged, config.few_jets)
    orders: dict[str, Order] = {}
    if config.transfer is not None:
        orders = ftest.orders(config.transfer, merged["nominal"], config.seed)
        if source is not None:
            source = transfer.smoothed(source, config.transfer, orders)
    fitted, notes = observed.observations(config, merged["nominal"], dict(counts), source)
    return Parts(
        config, job.systematics, merged, counts, fitted, independent, controls, orders, notes
    )
