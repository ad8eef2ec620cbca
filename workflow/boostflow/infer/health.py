"""Health check of systematic effects: what a physicist would look at before the fit.

Each entry with templates is judged in each region and sample that it touches, in the merged bins of
the fit, and gets these flags:

* `nan`: a template has a bin that is not finite (nothing else is judged then).
* `empty`: a varied template is empty or negative in a bin where the nominal one is positive.
* `zero`: all varied templates equal the nominal one.
* `large`: up or down changes the yield, or a bin, by more than 100 %.
* `one_sided`: up and down are declared, and both change the yield in the same direction, each by
  more than `SIGNIFICANT` statistical errors.
* `flipped`: the sign of the up change alternates more often than a shift or a smearing explains.
  A peak that moves changes it once or twice along the axis, one that widens twice: counted are
  bins that change by more than `SIGNIFICANT` errors, and flagged are more than `TURNS` changes
  of sign. Jets that migrate over a border change it once between regions: flagged is more than
  one change of sign in the order of the regions.
* `insignificant`: no member changes the yield by as much as its statistical error, nor the bins by
  more than theirs on average (chi-squared per bin below 1).

Statistical errors of a difference, from sums of weights S and of squared weights V:

* `sample` variations are other events: V + V'.
* `weight` variations are the same jets with another factor r: sum w^2 (r - 1)^2, which is
  V' - 2 w S' + V where all jets have the nominal weight w (taken as V/S: exact for simulated
  samples, an approximation where weights differ).
* All others move jets of the same events between bins. How many moved in all the templates do not
  tell, only how many are missing in the end: w |S' - S| is a lower limit. So `insignificant`
  misses effects whose moves cancel. For `flipped`, which must not be raised by noise, they count as
  independent, V + V', which is an upper limit.

Flags are judged on what enters the fit (`boostflow.effects`), significance on the templates of the
members, before smoothing. Rates have no templates.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from boostflow.config.statistics import Flag
from boostflow.config.systematics import AnySystematic, SampleVariation, Templated, Weight
from boostflow.effects import affects, files_of, minor, sides
from boostflow.errors import BoostflowError
from boostflow.infer import observed
from boostflow.infer.merge import binnings, merge, steady
from boostflow.infer.transfer import fitted, simulated
from boostflow.infer.workspace import SAME, check_alike
from boostflow.io import atomic, read_json, write_json
from boostflow.templates.files import Template, TemplateSet, read_variations
from boostflow.texttable import Text

if TYPE_CHECKING:
    from boostflow.jobs.statistics import DemandHealth, Health, PlotHealth

SIGNIFICANT = 2.0
"""Statistical errors by which a change has to be different from zero to have a sign."""
TURNS = 2
"""Changes of sign along the axis that a moved or widened peak explains."""

MEANING: dict[Flag, str] = {
    "nan": "a bin is not finite",
    "empty": "empty or negative in a bin where nominal is not",
    "zero": "no effect at all",
    "large": "changes the yield or a bin by more than 100 %",
    "one_sided": "up and down change the yield in the same direction",
    "flipped": "sign alternates between bins or regions",
    "insignificant": "smaller than its statistical error",
}
"""Flags in the order of their weight."""


def variance(declared: Templated, nominal: Template, varied: Template) -> NDArray:
    """Squared statistical errors of `varied.values - nominal.values`; see above. Shape (bins,)."""
    if isinstance(declared, SampleVariation):
        return nominal.variances + varied.variances
    filled = nominal.values > 0
    weight = np.zeros(len(filled))
    weight[filled] = nominal.variances[filled] / nominal.values[filled]
    # Where nothing is known of the weights the templates count as independent.
    unknown = nominal.variances + varied.variances
    if isinstance(declared, Weight):
        known = varied.variances - 2 * weight * varied.values + nominal.variances
    else:
        known = weight * np.abs(varied.values - nominal.values)
    return np.where(filled, np.maximum(known, 0), unknown)


def total(template: Template) -> Template:
    """A template with all bins added up into a single one, contents and variances."""
    return Template(
        template.values.sum(keepdims=True),
        template.variances.sum(keepdims=True),
        template.edges[[0, -1]],
        template.variable,
    )


def turns(change: NDArray, error: NDArray) -> int:
    """How often the sign alternates among the changes above `SIGNIFICANT` errors."""
    signs = np.sign(change[np.abs(change) > SIGNIFICANT * error])
    return int(np.sum(signs[1:] != signs[:-1]))


def judge(
    declared: Templated, nominal: Template, members: Sequence[Template]
) -> tuple[dict[str, float | None], list[Flag]]:
    """Relative changes of the yield and flags of one entry in one region and sample.

    Args:
        declared: the entry.
        nominal: with a positive yield.
        members: templates of `declared.members()`, in its order.

    Returns:
        `up`, `down` and `error` (the largest statistical error of a member), relative to the
        nominal yield, null where a template is not finite; and the flags, but those between
        regions.
    """
    every = [nominal, *members]
    if not all(np.isfinite([t.values, t.variances]).all() for t in every):
        return dict.fromkeys(("up", "down", "error")), ["nan"]
    flags: list[Flag] = []
    filled = nominal.values > 0
    if any((t.values[filled] <= 0).any() for t in members):
        flags.append("empty")
    changed = sides(declared, nominal, [t.values for t in members])
    whole = total(nominal)
    size = float(whole.values[0])
    up, down = (float(side.sum()) / size - 1 for side in changed)
    errors = [float(variance(declared, whole, total(t))[0]) ** 0.5 for t in members]
    shifts = [abs(float(t.values.sum()) - size) for t in members]
    result = {"up": up, "down": down, "error": max(errors) / size}
    if all(np.allclose(t.values, nominal.values, rtol=SAME, atol=SAME * size) for t in members):
        return result, [*flags, "zero"]
    bins = np.array([side[filled] / nominal.values[filled] - 1 for side in changed])
    if max(abs(up), abs(down), float(np.abs(bins).max())) > 1:
        flags.append("large")
    if declared.combination() is None:
        both = len(members) == 2
        clear = all(s > SIGNIFICANT * e for s, e in zip(shifts, errors, strict=True))
        if both and clear and up * down > 0:
            flags.append("one_sided")
        if turns(members[0].values - nominal.values, _largest(declared, nominal, members[0])) > (
            TURNS
        ):
            flags.append("flipped")
    if all(s < e for s, e in zip(shifts, errors, strict=True)) and not any(
        _changes(declared, nominal, t) for t in members
    ):
        flags.append("insignificant")
    return result, flags


def _largest(declared: Templated, nominal: Template, varied: Template) -> NDArray:
    """Errors that the difference has at most: those of a weight are known, others not."""
    if isinstance(declared, Weight):
        return np.sqrt(variance(declared, nominal, varied))
    return np.sqrt(nominal.variances + varied.variances)


def _changes(declared: Templated, nominal: Template, varied: Template) -> bool:
    """Whether the bins change by more than their errors, on average."""
    square = variance(declared, nominal, varied)
    known = square > 0
    if not known.any():
        return False
    change = (varied.values - nominal.values)[known]
    return bool(np.mean(change**2 / square[known]) >= 1)


def check(
    templates: Mapping[str, TemplateSet],
    systematics: Mapping[str, AnySystematic],
    left_out: Collection[tuple[str, str]] = (),
) -> list[dict[str, Any]]:
    """Effects and flags of all entries with templates, region by region and sample by sample.

    Args:
        templates: by variation, bins merged already.
        systematics: by name.
        left_out: regions and samples that are not varied, and not judged.

    Raises:
        BoostflowError: templates are missing.
    """
    nominal = templates["nominal"]
    found = []
    for name, declared in systematics.items():
        if not declared.members():
            continue
        for variation in files_of(name, declared):
            if variation not in templates:
                raise BoostflowError(f"systematic {name}: no templates of {variation}")
            check_alike(nominal, templates[variation], variation)
        mine: dict[str, list[tuple[dict[str, Any], float, float]]] = {}
        for region, contents in nominal.items():
            for sample, template in contents.items():
                if not affects(declared, region, sample) or template.values.sum() <= 0:
                    continue
                if (region, sample) in left_out:
                    continue
                members = [templates[v][region][sample] for v in files_of(name, declared)]
                effect, flags = judge(declared, template, members)
                entry = {"entry": name, "parameter": declared.parameter or name}
                entry |= {"region": region, "sample": sample, **effect, "flags": flags}
                found.append(entry)
                if "nan" not in flags:
                    first = total(members[0])
                    change = first.values - total(template).values
                    error = _largest(declared, total(template), first)
                    mine.setdefault(sample, []).append((entry, float(change[0]), float(error[0])))
        for regions in mine.values() if declared.combination() is None else ():
            change, error = (np.array([item[i] for item in regions]) for i in (1, 2))
            if turns(change, error) > 1:
                for entry, *_ in regions:
                    entry["flags"] = [*dict.fromkeys([*entry["flags"], "flipped"])]
    for entry in found:
        entry["flags"].sort(key=list(MEANING).index)
    return found


def run(job: Health, files: Health.Files) -> None:
    """Judge the templates of all variations; write JSON and a table.

    Raises:
        BoostflowError: a file cannot be read, or templates are missing or have other bins.
    """
    templates = read_variations(files.templates, finite=False)
    templates["nominal"], _ = observed.split(templates["nominal"], job.data)
    templates = {name: fitted(others, job.transfer) for name, others in templates.items()}
    nominal = templates["nominal"]
    edges = binnings(nominal, job.signal, job.bin_error_max, job.transfer)
    for variation, others in templates.items():
        check_alike(nominal, others, variation)
    left_out = minor(nominal, job.minor)
    merged = {
        name: simulated(merge(others, edges), job.transfer) for name, others in templates.items()
    }
    effects = check(steady(merged, job.few_jets), job.systematics, left_out)
    counts = {flag: sum(flag in e["flags"] for e in effects) for flag in MEANING}
    write_json(files.figures, {"effects": effects, "counts": counts})
    with atomic(files.table) as part:
        part.write_text(table(effects), encoding="utf-8")


def table(effects: Sequence[Mapping[str, Any]]) -> str:
    """The flagged effects as plain text, the gravest flag first."""
    page = Text()
    flagged = [e for e in effects if e["flags"]]
    page.line(f"{len(flagged)} of {len(effects)} effects (entry, region, sample) have a flag.")
    for flag, meaning in MEANING.items():
        rows = [
            [e["entry"], f"{e['region']}/{e['sample']}", *map(_percent, _figures(e))]
            for e in flagged
            if flag in e["flags"]
        ]
        columns = ["entry", "template", "up", "down", "stat. error"]
        page.grid(f"{flag}: {meaning}", columns, rows)
    return page.text()


def _figures(effect: Mapping[str, Any]) -> list[float | None]:
    return [effect[key] for key in ("up", "down", "error")]


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:+.2f} %"


def plot(job: PlotHealth, files: PlotHealth.Files) -> None:
    """Draw the effects on the yields with their flags as a PNG file.

    Raises:
        BoostflowError: the health check cannot be read.
    """
    from boostflow.plots.health import effects
    from boostflow.plots.style import save, style

    found = read_json(files.health)["effects"]
    with style():
        save(effects(found, job.titles, job.label), files.plot)


def demand(job: DemandHealth, files: DemandHealth.Files) -> None:
    """End with one message if there are flags that are not allowed (`infer.strict`).

    Flags are those of systematic effects, and of a background from data (`infer.closure`).

    Raises:
        BoostflowError: names all that is flagged so; or a file cannot be read.
    """
    lines = []
    effects = [effect for path in files.health for effect in read_json(path)["effects"]]
    for flag in [name for name in MEANING if name in job.forbidden]:
        by_entry: dict[str, list[str]] = {}
        for effect in effects:
            if flag in effect["flags"]:
                template = f"{effect['region']}/{effect['sample']}"
                by_entry.setdefault(effect["entry"], []).append(template)
        lines += [f"{flag}: {name} in {', '.join(where)}" for name, where in by_entry.items()]
    where = [*files.health] if lines else []
    for path in files.transfer:
        flags = [flag for flag in read_json(path)["flags"] if flag["flag"] in job.forbidden]
        lines += [f"{flag['flag']}: {flag['text']}" for flag in flags]
        where += [path] if flags else []
    if lines:
        raise BoostflowError(
            "infer.strict: what needs a look (mend or restrict entries, take another function, or "
            f"list other flags; the figures are in {' and '.join(map(str, where))})\n"
            + "\n".join(lines)
        )
