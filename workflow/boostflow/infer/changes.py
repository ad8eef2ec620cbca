"""What each nuisance parameter changes, region by region and sample by sample.

A declared parameter is one nuisance parameter, or several (`<parameter>_1`, `<parameter>_2`...) if
its entries have replicas or a Hessian set: then the members' changes of all bins of all regions and
samples together are replaced by their principal components (`effects.principal`), in units of the
Poisson error of what the bin holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from boostflow.config.models import Prune
from boostflow.config.systematics import AnySystematic, Rate, SampleVariation, by_parameter
from boostflow.infer.effects import pairs, principal, sides
from boostflow.templates.files import Template, TemplateSet

NOISE = 0.05
"""Probability above which a change of shape between independent samples counts as noise."""

Cell = tuple[str, str]
"""Region and sample."""


@dataclass(frozen=True)
class Change:
    """Of one region and sample by one nuisance parameter."""

    sides: NDArray
    """Change of the contents at +1 and at -1, shape (2, bins)."""
    prune: Prune
    """Below which it is left out."""


def files_of(name: str, systematic: AnySystematic) -> list[str]:
    """Variations (template files) that a systematic needs: none for a rate."""
    return [f"{name}_{direction}" for direction in systematic.members()]


def affects(systematic: AnySystematic, region: str, sample: str) -> bool:
    """Whether a systematic touches a sample in a region."""
    return (systematic.samples is None or sample in systematic.samples) and (
        systematic.regions is None or region in systematic.regions
    )


def shape_is_noise(nominal: Template, other: Template) -> bool:
    """Whether two statistically independent templates have the same shape within their errors."""
    if nominal.values.sum() <= 0 or other.values.sum() <= 0:
        return False
    ratio = nominal.values.sum() / other.values.sum()
    variance = nominal.variances + ratio**2 * other.variances
    filled = variance > 0
    chi2 = np.sum((nominal.values - ratio * other.values)[filled] ** 2 / variance[filled])
    return bool(stats.chi2.sf(chi2, max(filled.sum() - 1, 1)) > NOISE)


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
        for sample in samples:
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
    scale: dict[Cell, NDArray] = {}
    for region, contents in templates["nominal"].items():
        expected = np.sum([contents[sample].values.clip(0) for sample in samples], axis=0)
        for sample in samples:
            cell, template = (region, sample), contents[sample]
            for name, declared in entries.items():
                if not affects(declared, region, sample):
                    continue
                found = _members(templates, name, declared, cell, notes)
                each = pairs(declared, template, found)
                change = np.array([up for up, _ in each]) - template.values
                moved[cell] = moved.get(cell, 0) + change
                pruned.setdefault(cell, []).append(declared.prune or default)
                scale[cell] = np.sqrt(expected)
    if not moved:
        return []
    every = principal(np.hstack(list(moved.values())), np.concatenate(list(scale.values())))
    ends = np.cumsum([len(scale[cell]) for cell in moved])
    return [
        {
            cell: Change(np.array([part, -part]), _least(pruned[cell]))
            for cell, part in zip(moved, np.split(component, ends[:-1]), strict=True)
        }
        for component in every
    ]


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
    if isinstance(declared, SampleVariation) and all(shape_is_noise(template, o) for o in found):
        notes.append(f"{region}/{sample}: {name} changes the yield only, its shape is noise")
        positive = template.values.clip(0)
        return [positive * other.values.sum() / positive.sum() for other in found]
    return [other.values for other in found]


def _least(thresholds: Sequence[Prune]) -> Prune:
    return Prune(
        norm=min(p.norm for p in thresholds),
        shape=min(p.shape for p in thresholds),
    )
