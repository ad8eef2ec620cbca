"""What each nuisance parameter changes, region by region and sample by sample.

A declared parameter is one nuisance parameter, or several (`<parameter>_1`, `<parameter>_2`...) if
its entries have replicas or a Hessian set: then the members' changes of all bins of all regions and
samples together are replaced by their principal components (`effects.principal`), in units of the
Poisson error of what the sample has in the bin: what is cut off no data could tell. Thresholds of
pruning are those of all components of a sample in a region together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from boostflow.config.statistics import Prune
from boostflow.config.systematics import AnySystematic, Rate, SampleVariation, by_parameter
from boostflow.effects import affects, files_of, pairs, principal, sides
from boostflow.templates.files import Template, TemplateSet

NOISE = 0.05
"""Probability above which a change of shape between independent samples counts as noise."""

Cell = tuple[str, str]
"""Region and sample."""


@dataclass(frozen=True)
class Change:
    """How one nuisance parameter changes the contents of one region and sample."""

    sides: NDArray
    """Change of the contents at +1 and at -1, shape (2, bins)."""
    prune: Prune
    """Thresholds below which the change is left out."""


def shapes_are_noise(independent: Sequence[Template]) -> bool:
    """Whether statistically independent templates have the same shape within their errors.

    Chi-squared of each, at the yield of the first, from their mean in each bin. Its variance is
    that of all of them, pooled (observed ones would favour bins that are low by chance), times the
    weight of the template's jets.
    """
    totals = np.array([template.values.sum() for template in independent])
    if totals.min() <= 0:
        return False
    ratio = (totals[0] / totals)[:, np.newaxis]
    values = ratio * [template.values for template in independent]
    variances = ratio**2 * [template.variances for template in independent]
    weight = variances.sum(axis=1, keepdims=True)
    pooled = np.mean(variances / weight, axis=0)
    filled = pooled > 0
    mean = np.sum(values / weight, axis=0) / np.sum(1 / weight)
    chi2 = np.sum(((values - mean) ** 2 / weight)[:, filled] / pooled[filled])
    freedom = (len(independent) - 1) * max(filled.sum() - 1, 1)
    return bool(stats.chi2.sf(chi2, freedom) > NOISE)


def changes(
    templates: Mapping[str, TemplateSet],
    systematics: Mapping[str, AnySystematic],
    samples: Sequence[str],
    default: Prune,
    notes: list[str],
) -> dict[str, dict[Cell, Change]]:
    """All changes by nuisance parameter.

    Args:
        templates: by variation; "nominal" and all that the systematics need.
        systematics: by name; those of one parameter have the same form (a check of the
            configuration).
        samples: those that are looked at.
        default: thresholds of entries without their own.
        notes: gets a line for each template that was mended.
    """
    result = {}
    for parameter, names in by_parameter(systematics).items():
        entries = {name: systematics[name] for name in names}
        if systematics[names[0]].spread() is None:
            result[parameter] = _together(templates, entries, samples, default, notes)
        else:
            found = _components(templates, entries, samples, default, notes)
            result |= {f"{parameter}_{k}": change for k, change in enumerate(found, 1)}
    return result


def _together(
    templates: Mapping[str, TemplateSet],
    entries: Mapping[str, AnySystematic],
    samples: Sequence[str],
    default: Prune,
    notes: list[str],
) -> dict[Cell, Change]:
    """Entries of one parameter move together: their changes add up."""
    result: dict[Cell, Change] = {}
    for region, contents in templates["nominal"].items():
        for sample in [name for name in samples if name in contents]:
            template = contents[sample]
            total, pruned = np.zeros((2, len(template.values))), []
            for name, declared in entries.items():
                if not affects(declared, region, sample):
                    continue
                if isinstance(declared, Rate):
                    total += [template.values * (factor - 1) for factor in declared.sides()]
                    pruned.append(Prune(norm=0, shape=0))
                    continue
                found = _members(templates, name, declared, (region, sample), notes)
                varied = np.array(sides(declared, template, found))
                total += varied - template.values
                filled = template.values > 0
                if len(found) == 1 and ((varied[1] <= 0) & (found[0] > 0) & filled).any():
                    notes.append(
                        f"{region}/{sample}: {name} changes bins by more than 100 %; its mirrored "
                        "side is cut off where it would be negative"
                    )
                pruned.append(declared.prune or default)
            if pruned:
                result[region, sample] = Change(total, _least(pruned))
    return result


def _components(
    templates: Mapping[str, TemplateSet],
    entries: Mapping[str, AnySystematic],
    samples: Sequence[str],
    default: Prune,
    notes: list[str],
) -> list[dict[Cell, Change]]:
    """Changes by the principal components of replicas or Hessian members.

    Member i of one entry moves with member i of all others.
    """
    moved: dict[Cell, NDArray] = {}
    pruned: dict[Cell, list[Prune]] = {}
    expected: dict[Cell, NDArray] = {}
    for region, contents in templates["nominal"].items():
        for sample in [name for name in samples if name in contents]:
            cell, template = (region, sample), contents[sample]
            for name, declared in entries.items():
                if not affects(declared, region, sample):
                    continue
                found = _members(templates, name, declared, cell, notes)
                each = pairs(declared, template, found)
                change = np.array([up for up, _ in each]) - template.values
                moved[cell] = moved.get(cell, 0) + change
                pruned.setdefault(cell, []).append(declared.prune or default)
                expected[cell] = template.values.clip(0)
    if not moved:
        return []
    scale = np.sqrt(np.concatenate(list(expected.values())))
    every = principal(np.hstack(list(moved.values())), scale)
    ends = np.cumsum([len(values) for values in expected.values()])
    result: list[dict[Cell, Change]] = [{} for _ in every]
    for (region, sample), parts in zip(moved, np.split(every, ends[:-1], axis=1), strict=True):
        nominal = expected[region, sample]
        if (np.sqrt(np.sum(parts**2, axis=0)) > nominal)[nominal > 0].any():
            notes.append(
                f"{region}/{sample}: {', '.join(entries)} changes bins by more than 100 %; sides "
                "are cut off where they would be negative"
            )
        prune = _of_all(_least(pruned[region, sample]), nominal, parts)
        for change, part in zip(result, parts, strict=True):
            change[region, sample] = Change(np.array([part, -part]), prune)
    return result


def _of_all(prune: Prune, nominal: NDArray, parts: NDArray) -> Prune:
    """Thresholds for each component, so that all of them are kept if together they are above."""
    total = nominal.sum()
    if total <= 0:
        return prune
    norm = parts.sum(axis=1, keepdims=True) / total
    filled = nominal > 0
    shape = (parts - norm * nominal)[:, filled] / nominal[filled]
    return Prune(
        norm=0 if np.sqrt(np.sum(norm**2)) > prune.norm else prune.norm,
        shape=0 if np.sqrt(np.sum(shape**2, axis=0)).max() > prune.shape else prune.shape,
    )


def _members(
    templates: Mapping[str, TemplateSet],
    name: str,
    declared: AnySystematic,
    cell: Cell,
    notes: list[str],
) -> list[NDArray]:
    """Contents of the templates of an entry's members; noise in their shape taken away."""
    region, sample = cell
    template = templates["nominal"][region][sample]
    empty = template.values <= 0
    files = files_of(name, declared)
    found = [templates[variation][region][sample] for variation in files]
    for file, other in zip(files, found, strict=True):
        if lost := int(((other.values <= 0) & ~empty).sum()):
            notes.append(
                f"{region}/{sample}: {file} is empty or negative in {lost} bins that are "
                "not so in the nominal template"
            )
    if isinstance(declared, SampleVariation) and shapes_are_noise([template, *found]):
        notes.append(f"{region}/{sample}: {name} changes the yield only, its shape is noise")
        positive = template.values.clip(0)
        return [positive * other.values.sum() / positive.sum() for other in found]
    return [other.values for other in found]


def _least(thresholds: Sequence[Prune]) -> Prune:
    return Prune(
        norm=min(p.norm for p in thresholds),
        shape=min(p.shape for p in thresholds),
    )
