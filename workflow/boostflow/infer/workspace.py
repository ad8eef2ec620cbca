"""The HistFactory workspace (pyhf JSON) from templates and declared systematic uncertainties.

Conventions:

* `mu` scales the signal samples, between `MU_MAX` and where the expectation of a bin would become
  negative. Several parameters of interest scale their samples each; each is that of a measurement
  of its name, all else in the measurements is the same. Data: `infer.observed`; the sum of the
  nominal templates (Asimov data, mu = 1) if there are none.
* A systematic is one parameter of its name (or of its `parameter`: entries that share one add
  their changes up), fully correlated between regions and samples; replicas and Hessian sets are
  several (`infer.changes`). Its effect is split region by region and sample by sample into a change
  of the yield (normsys) and a change of the shape at fixed yield (histosys). Where the yield of one
  side is not positive, all of the effect is in the histosys. Either part is left out (pruned) where
  both sides are below its threshold.
* One-sided, envelope, symmetrised and smoothed entries: `boostflow.effects`.
* Rates: yield x (1 + value) and x (1 - value), or the sides that are declared; never pruned.
* Statistical uncertainty of the templates: `mcstat`; with pseudo-data, of both splits.
* Neighbouring bins of a region are merged until the statistical error of its background is below
  `infer.bin_error_max` in each (or one bin is left): `merge.binning`.
* Bins of a sample that are still empty or negative (few jets, negative weights) get the content
  `FLOOR`, so that the likelihood is defined, and no systematic changes them (an effect relative to
  nothing would constrain its parameter absurdly). Empty is not known to be zero: such a bin has the
  statistical error of one jet of the sample (its mean weight, sum w^2 / sum w), or its own if that
  is larger. Where one jet stands for many events the bin thus says little about mu, as it should,
  also where no background is simulated at all; `notes` lists them.
* A sample without expected events in all regions is left out.
* Samples that are estimated from data: `infer.transfer`.
* The templates of a sample variation come from other simulated events and differ from the
  nominal ones by the statistical error of both as well. A change of shape that this explains
  (chi-squared probability above `changes.NOISE` for all together) is dropped, or the fit would
  constrain the parameter by noise; the change of the yield stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boostflow.config.statistics import Infer, Prune
from boostflow.config.systematics import AnySystematic, by_parameter, nuisances
from boostflow.effects import files_of, minor
from boostflow.errors import BoostflowError
from boostflow.infer.changes import Cell, Change, changes
from boostflow.infer.mcstat import FLOOR, Statistics
from boostflow.infer.merge import mean_weight
from boostflow.infer.transfer import Estimate, simulated
from boostflow.templates.files import TemplateSet

SAME = 1e-9
"""Relative changes up to this are rounding."""
MU_MAX = 100.0
"""The fitted signal strength is at most this, and at least minus this."""


def floored(nominal: NDArray, varied: NDArray) -> NDArray:
    """A varied template without negative bins; floored bins of the nominal one stay."""
    return np.where(nominal > FLOOR, np.maximum(varied, FLOOR), nominal)


def modifiers(
    name: str, nominal: NDArray, up: NDArray, down: NDArray, prune: Prune
) -> list[dict[str, Any]]:
    """normsys and histosys of one parameter in one region and sample; none where nothing changes.

    Args:
        name: of the parameter.
        nominal: expected events, shape (bins,), positive.
        up: with the parameter at +1.
        down: with the parameter at -1.
        prune: yield and shape are left out if both sides change them by less than this.
    """
    ratio = {
        side: float(values.sum() / nominal.sum()) for side, values in (("hi", up), ("lo", down))
    }
    result: list[dict[str, Any]] = []
    empty = 2 * FLOOR * len(nominal) / nominal.sum()
    if min(ratio.values()) > empty:
        if max(abs(r - 1) for r in ratio.values()) > max(prune.norm, SAME):
            result.append({"name": name, "type": "normsys", "data": ratio})
        up, down = up / ratio["hi"], down / ratio["lo"]
    # A floored bin, which stays as it is, has another ratio than the rest and no events.
    shape = np.abs([up, down] - nominal)[:, nominal > FLOOR] / nominal[nominal > FLOOR]
    if shape.max(initial=0.0) > max(prune.shape, SAME):
        data = {"hi_data": up.tolist(), "lo_data": down.tolist()}
        result.append({"name": name, "type": "histosys", "data": data})
    return result


def check_alike(nominal: TemplateSet, other: TemplateSet, variation: str) -> None:
    """A variation has the regions, samples and bins of the nominal templates.

    Raises:
        BoostflowError: it has not.
    """
    for region, samples in nominal.items():
        for sample, template in samples.items():
            found = other.get(region, {}).get(sample)
            if found is None or not np.array_equal(found.edges, template.edges):
                raise BoostflowError(
                    f"template {region}/{sample} of {variation} is missing or has other bins than "
                    "the nominal one; make the templates again"
                )


def build(
    templates: Mapping[str, TemplateSet],
    systematics: Mapping[str, AnySystematic],
    config: Infer,
    observed: Mapping[str, NDArray] | None = None,
    pseudo: TemplateSet | None = None,
    estimate: Estimate | None = None,
) -> tuple[dict[str, Any], list[str]]:
    """The workspace and notes on what was mended on the way.

    Args:
        templates: by variation; "nominal" and all that the systematics need, bins merged already.
        systematics: by name.
        config: signal samples, statistical uncertainties on or off.
        observed: events by region; null for Asimov data.
        pseudo: templates that pseudo-data were drawn from; their statistical errors count, too.
        estimate: of the samples that come from data (`infer.transfer`); null for none.

    Raises:
        BoostflowError: a template is missing, a signal sample is unknown or has no jet in any
            region, a systematic names an unknown sample, or events were observed in a bin in
            which none are expected.
    """
    if "nominal" not in templates:
        raise BoostflowError("no nominal templates")
    samples = list(dict.fromkeys(s for region in templates["nominal"].values() for s in region))
    left_out = minor(templates["nominal"], config.minor)
    templates = {name: simulated(found, config.transfer) for name, found in templates.items()}
    nominal = templates["nominal"]
    _check_names(samples, systematics, config)
    for name, systematic in systematics.items():
        for variation in files_of(name, systematic):
            if variation not in templates:
                raise BoostflowError(f"systematic {name}: no templates of {variation}")
            check_alike(nominal, templates[variation], variation)

    notes: list[str] = []
    channels: list[dict[str, Any]] = []
    plain: list[dict[str, Any]] = []
    expected: dict[str, NDArray] = {}
    parameters: list[dict[str, Any]] = []
    entering = [s for s in samples if any(s in region for region in nominal.values())]
    present = {sample: mean_weight(nominal, sample) for sample in entering}
    for sample in [name for name in entering if present[name] <= 0]:
        notes.append(f"{sample}: no expected events, left out")
        del present[sample]
    for mine in config.pois().values():
        if not set(mine) & set(present):
            raise BoostflowError(
                f"infer.signal: no expected events of {', '.join(mine)} in any region"
            )
    effects = {
        name: {cell: change for cell, change in found.items() if cell not in left_out}
        for name, found in changes(
            templates, systematics, list(present), config.prune, notes
        ).items()
    }
    for region, contents in nominal.items():
        here = {sample: weight for sample, weight in present.items() if sample in contents}
        free = np.zeros(len(next(iter(contents.values())).values))
        if estimate:
            free = free + estimate.expected(region)
        if free.sum() <= 0 and all(contents[sample].values.sum() <= 0 for sample in here):
            raise BoostflowError(f"region {region}: no sample has a positive yield")
        entries = [
            _sample(region, sample, weight, nominal, effects, config, notes)
            for sample, weight in here.items()
        ]
        estimated = estimate.samples(region) if estimate else []
        channels.append({"name": region, "samples": [*entries, *estimated]})
        plain.append({"name": region, "samples": [*entries, {"name": "", "data": free}]})
        expected[region] = np.sum([free, *(entry["data"] for entry in entries)], axis=0)
        most = expected[region]
        if observed is not None:
            most = np.maximum(most, observed[region])
        statistics = Statistics(
            region, contents, here, config.pois(), pseudo, most, config.mc_stat, free
        )
        for entry in entries:
            entry["modifiers"] += statistics.modifiers(entry["name"])
        parameters += statistics.parameters()
        if observed is not None:
            _check_expected(region, expected[region], len(entries), observed[region])
    declared = nuisances(systematics)
    used = {
        declared.get(m["name"])
        for channel in channels
        for sample in channel["samples"]
        for m in sample["modifiers"]
    }
    notes += [
        f"{name}: no effect on any template above infer.prune"
        for name in by_parameter(systematics)
        if name not in used
    ]
    parameters += estimate.parameters() if estimate else []
    parameters[:0] = [
        {"name": poi, "bounds": [[lowest, MU_MAX]], "inits": [1.0]}
        for poi, lowest in lowest_strengths(plain, config.pois()).items()
    ]
    workspace = {
        "channels": channels,
        "observations": [
            {
                "name": channel["name"],
                "data": (expected if observed is None else observed)[channel["name"]].tolist(),
            }
            for channel in channels
        ],
        "measurements": [
            {"name": poi, "config": {"poi": poi, "parameters": parameters}} for poi in config.pois()
        ],
        "version": "1.0.0",
    }
    return workspace, notes


def _check_expected(region: str, expected: NDArray, samples: int, observed: NDArray) -> None:
    """Where something is observed something is expected, or no fit could describe it."""
    for i in np.flatnonzero((expected <= 2 * FLOOR * samples) & (observed > 0)):
        raise BoostflowError(
            f"region {region}: {observed[i]:g} events observed in bin {i + 1}, where no sample has "
            "any; simulate more events, or merge bins (a smaller infer.bin_error_max)"
        )


def lowest_strengths(
    channels: Sequence[Mapping[str, Any]], pois: Mapping[str, Sequence[str]]
) -> dict[str, float]:
    """Lower bound of each parameter of interest.

    That is where it alone would make the expectation of the first bin negative, at least
    -`MU_MAX`; of several, so much nearer to 0, all by one factor, that together they do not.

    Args:
        channels: of the workspace.
        pois: samples by parameter of interest.
    """
    signal = {sample: poi for poi, samples in pois.items() for sample in samples}
    bins: list[tuple[NDArray, dict[str, NDArray]]] = []
    lowest = dict.fromkeys(pois, -MU_MAX)
    for channel in channels:
        rest, scaled = np.zeros(1), {poi: np.zeros(1) for poi in pois}
        for sample in channel["samples"]:
            if poi := signal.get(sample["name"]):
                scaled[poi] = scaled[poi] + sample["data"]
            else:
                rest = rest + sample["data"]
        bins.append((rest, scaled))
        for poi, values in scaled.items():
            lowest[poi] = max(lowest[poi], -float(np.min(rest / np.maximum(values, FLOOR))))
    share = 1.0
    for rest, scaled in bins if len(pois) > 1 else ():
        taken = np.sum([-lowest[poi] * values for poi, values in scaled.items()], axis=0)
        share = min(share, float(np.min(rest / np.maximum(taken, FLOOR))))
    return {poi: share * value for poi, value in lowest.items()}


def _check_names(
    samples: list[str], systematics: Mapping[str, AnySystematic], config: Infer
) -> None:
    """All names of samples exist."""
    wanted = {"infer.signal": config.signals()} | {
        f"systematic {name}": systematic.samples or [] for name, systematic in systematics.items()
    }
    for where, names in wanted.items():
        unknown = [name for name in names if name not in samples]
        if unknown:
            raise BoostflowError(
                f"{where}: no templates of sample {', '.join(unknown)}; there are "
                f"{', '.join(samples)}"
            )


def _sample(
    region: str,
    sample: str,
    weight: float,
    nominal: TemplateSet,
    effects: Mapping[str, Mapping[Cell, Change]],
    config: Infer,
    notes: list[str],
) -> dict[str, Any]:
    """One sample of a channel and what varies it; `weight` is that of one jet."""
    template = nominal[region][sample]
    empty = template.values <= 0
    values = np.where(empty, FLOOR, template.values)
    if empty.any():
        notes.append(
            f"{region}/{sample}: {empty.sum()} of {len(values)} bins empty or negative, each "
            f"uncertain by one jet, {weight:.3g} events"
        )
    entry: dict[str, Any] = {"name": sample, "data": values.tolist(), "modifiers": []}
    for poi, mine in config.pois().items():
        if sample in mine:
            entry["modifiers"].append({"name": poi, "type": "normfactor", "data": None})
    for parameter, cells in effects.items():
        if change := cells.get((region, sample)):
            up, down = (floored(values, values + side) for side in change.sides)
            entry["modifiers"] += modifiers(parameter, values, up, down, change.prune)
    return entry
