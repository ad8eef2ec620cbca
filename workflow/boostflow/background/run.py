"""The stage background: from counted events to background.json."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boostflow.background import abcd, composition, control, sideband
from boostflow.background.abcd import Yield
from boostflow.background.counts import ABCD_REGIONS, PLANE
from boostflow.config.background import Background
from boostflow.config.systematics import Templated
from boostflow.effects import files_of, pairs, principal
from boostflow.infer.merge import binning, mean_weight, merge
from boostflow.infer.workspace import check_alike
from boostflow.io import write_json
from boostflow.jobs.background import Estimate
from boostflow.templates.files import Template, TemplateSet, read

log = logging.getLogger(__name__)


def total(templates: Sequence[Template]) -> Yield:
    """The sum of some templates over all bins; nothing is 0."""
    return Yield(
        float(sum(t.values.sum() for t in templates)),
        float(sum(t.variances.sum() for t in templates)),
    )


def added(templates: Sequence[Template], size: int) -> tuple[NDArray, NDArray]:
    """The sum of some templates bin by bin: values and variances, shape (size,)."""
    zero = np.zeros(size)
    return (
        sum((t.values for t in templates), zero),
        sum((t.variances for t in templates), zero),
    )


def estimate(job: Estimate, files: Estimate.Files) -> None:
    """Make all estimates and write them, with the ABCD likelihood.

    Args:
        job: the settings.
        files: counts of simulation and data, templates of the fit, and what is written.

    Raises:
        BoostflowError: see the modules of the estimates.
    """
    config, signal = job.background, job.signal
    for name in ("pyhf", "cabinetry"):
        logging.getLogger(name).setLevel(logging.ERROR)
    simulated = {path.stem: read(path) for path in files.counts}
    nominal, seen = simulated["nominal"], read(files.data)
    shown = config.data == "pseudo" or job.unblind
    result: dict[str, Any] = {"data": config.data, "shown": shown}
    if config.abcd:
        result["abcd"], likelihood = _abcd(nominal, seen, config, signal, shown)
        if files.workspace is not None:
            write_json(files.workspace, likelihood)
        log.info("ABCD: %s", result["abcd"]["prediction"])
    if config.sideband:
        result["sideband"] = _sideband(nominal, seen, config, signal, shown)
        log.info("sideband: %s", {k: result["sideband"][k] for k in ("value", "error", "family")})
    if config.control:
        fitted = read(files.templates) if files.templates else {}
        result["control"] = {
            name: _control(name, nominal, seen, config, fitted) for name in config.control
        }
    if config.composition and shown:
        result["composition"] = _composition(simulated, seen, job, result.get("abcd"))
        for reason in result["composition"]["reasons"]:
            log.warning("composition: no result: %s", reason)
    elif config.composition:
        log.info("composition: collision data are blinded (infer.unblind)")
    write_json(files.figures, result)


def _number(n: Yield) -> dict[str, float]:
    return {"value": n.value, "error": float(np.sqrt(n.variance))}


def _truth(config: Background, samples: Sequence[str], contents: Mapping[str, Template]) -> Any:
    """What pseudo-data hold of some samples; null for collision data."""
    return None if config.data == "observed" else _number(total([contents[s] for s in samples]))


def _pull(value: float, error: float, truth: Mapping[str, float] | None) -> float | None:
    """Distance from the truth in errors of both."""
    if truth is None:
        return None
    return float((value - truth["value"]) / np.hypot(error, truth["error"]))


def _abcd(
    nominal: TemplateSet,
    seen: TemplateSet,
    config: Background,
    signal: Sequence[str],
    shown: bool,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The estimate, and its likelihood with the signal as HistFactory JSON."""
    block, regions = config.abcd, ABCD_REGIONS
    at = {region: nominal[f"abcd_{region}"] for region in regions}
    found = {r: seen[f"abcd_{r}"] for r in regions if r != "A" or shown}
    others = [name for name in at["A"] if name not in block.samples]
    mine = {r: total([at[r][s] for s in block.samples]) for r in regions}
    rest = {s: {r: total([at[r][s]]) for r in regions} for s in others}
    data = {region: total(list(contents.values())) for region, contents in found.items()}
    unsure = config.subtraction_uncertainty
    closed = abcd.closure(mine)
    prediction: dict[str, Any] = abcd.predict(data, rest, unsure)
    prediction["nonclosure"] = closed["nonclosure"] * prediction["value"]
    prediction["error"] = float(np.hypot(prediction["error"], prediction["nonclosure"]))
    of_signal = {s: n for s, n in rest.items() if s in signal}
    of_others = {s: n for s, n in rest.items() if s not in signal}
    blind = {r: n for r, n in data.items() if r != "A"}
    likelihood = abcd.workspace(blind, of_others, of_signal, unsure)
    centre = prediction["value"]
    result: dict[str, Any] = {
        "samples": block.samples,
        "yields": {
            r: {
                "data": _number(data[r]) if r in data else None,
                "simulated": _number(mine[r]),
                "others": {s: _number(rest[s][r]) for s in others},
            }
            for r in regions
        },
        "prediction": prediction,
        "likelihood": abcd.fit(likelihood, centre),
        "closure": closed,
        "correlation": abcd.correlation(mine) | {"linear": _linear(nominal, block.samples)},
        "truth": _truth(config, block.samples, found.get("A", {})),
    }
    result["pull"] = _pull(centre, prediction["error"], result["truth"])
    full = abcd.workspace(data, of_others, of_signal, unsure, closed["nonclosure"])
    if shown and of_signal:
        result["mu"] = abcd.fit(full, centre, "mu")
    edges = next(iter(at["A"].values())).edges
    size = len(edges) - 1
    shape, variance = added(list(found["B"].values()), size)
    less, extra = added([at["B"][s] for s in others], size)
    ratio = centre / (shape - less).sum()
    # Of the ratio N_C / N_D, of what is subtracted and of closure: common to all bins.
    clean = abcd.subtracted(blind, rest)["B"]
    common = prediction["error"] ** 2 - centre**2 * clean.variance / clean.value**2
    predicted = ratio * (shape - less)
    error = np.sqrt(ratio**2 * (variance + extra) + common * (predicted / centre) ** 2)
    result["by_bin"] = {
        "variable": next(iter(at["A"].values())).variable,
        "edges": edges.tolist(),
        "predicted": predicted.tolist(),
        "error": error.tolist(),
    }
    if shown:
        values, spread = added(list(found["A"].values()), size)
        less, extra = added([at["A"][s] for s in others], size)
        result["by_bin"] |= {
            "observed": (values - less).tolist(),
            "observed_error": np.sqrt(spread + extra).tolist(),
        }
    plane, _ = added([nominal["abcd_plane"][s] for s in block.samples], PLANE**2)
    result["plane"] = plane.reshape(PLANE, PLANE).tolist()
    return result, full


def _linear(nominal: TemplateSet, samples: Sequence[str]) -> float | None:
    """Linear correlation coefficient of the two variables, in the bins of the plane."""
    plane, _ = added([nominal["abcd_plane"][s] for s in samples], PLANE**2)
    plane = plane.reshape(PLANE, PLANE) / plane.sum()
    place = np.arange(PLANE)
    mean = [plane.sum(axis=1 - k) @ place for k in (0, 1)]
    spread = [plane.sum(axis=1 - k) @ (place - mean[k]) ** 2 for k in (0, 1)]
    if min(spread) <= 0:
        return None
    covariance = (place - mean[0]) @ plane @ (place - mean[1])
    return float(covariance / np.sqrt(spread[0] * spread[1]))


def _sideband(
    nominal: TemplateSet,
    seen: TemplateSet,
    config: Background,
    signal: Sequence[str],
    shown: bool,
) -> dict[str, Any]:
    block, mine = config.sideband, nominal["sideband"]
    edges = next(iter(mine.values())).edges
    size = len(edges) - 1
    others = {s: t.values for s, t in mine.items() if s not in block.samples and s not in signal}
    window = tuple(block.window)
    values, variances = added(list(seen["sideband"].values()), size)
    spectrum = sideband.Spectrum(edges, values, variances)
    use = spectrum.outside(window)
    found, fits = sideband.estimate(
        spectrum, others, window, block.families, config.subtraction_uncertainty
    )
    result = {"samples": block.samples, "window": list(window), **found}
    inside = [np.where(use, 0, 1)]
    part = {
        s: Template(t.values * inside[0], t.variances * inside[0], t.edges, t.variable)
        for s, t in seen["sideband"].items()
    }
    result["truth"] = _truth(config, block.samples, part)
    background = sideband.Spectrum(edges, *added([mine[s] for s in block.samples], size))
    closed, smooth = sideband.estimate(background, {}, window, block.families, 0.0)
    observed = Yield(float(background.values[~use].sum()), float(background.variances[~use].sum()))
    result["closure"] = {
        "predicted": closed["value"],
        "predicted_error": closed["error"],
        "observed": observed.value,
        "observed_error": float(np.sqrt(observed.variance)),
    }
    if closed["value"] is not None:
        result["closure"]["significance"] = _pull(
            closed["value"], closed["error"], _number(observed)
        )
    if found["value"] is None:
        result["pull"] = None
    else:
        result["pull"] = _pull(found["value"], found["error"], result["truth"])
    shape, _ = added([mine[s] for s in signal if s in mine], size)
    if shape.sum() > 0 and closed["family"]:
        result["signal"] = sideband.spurious(background, shape, smooth[closed["family"]])
    rest = np.sum([*others.values(), np.zeros(size)], axis=0)
    visible = use | shown
    result["by_bin"] = {
        "variable": next(iter(mine.values())).variable,
        "edges": edges.tolist(),
        "data": [float(n) if see else None for n, see in zip(values, visible, strict=True)],
        "data_error": [
            float(e) if see else None for e, see in zip(np.sqrt(variances), visible, strict=True)
        ],
        "others": rest.tolist(),
        "signal": shape.tolist(),
        "curves": {family: fit.curve().tolist() for family, fit in fits.items()},
        "band": fits[found["family"]].band().tolist() if found["family"] else None,
    }
    return result


def _control(
    name: str,
    nominal: TemplateSet,
    seen: TemplateSet,
    config: Background,
    fitted: TemplateSet,
) -> dict[str, Any]:
    samples, region = config.control[name].samples, f"control_{name}"
    at = nominal[region]
    mine = total([at[s] for s in samples])
    others = {s: total([t]) for s, t in at.items() if s not in samples}
    data = total(list(seen[region].values()))
    result: dict[str, Any] = {
        "samples": samples,
        "enters": config.control[name].enters,
        "data": _number(data),
        "simulated": {s: _number(total([t])) for s, t in at.items()},
        **control.factor(name, data, mine, others, config.subtraction_uncertainty),
    }
    truth = _truth(config, samples, seen[region])
    if truth is not None:
        truth = {key: number / mine.value for key, number in truth.items()}
    result["truth"] = truth
    result["transfer"] = {}
    for other, contents in fitted.items():
        there = total([contents[s] for s in samples])
        if there.value > 0:
            result["transfer"][other] = control.transfer(mine, there, result)
    return result


def _composition(
    simulated: Mapping[str, TemplateSet],
    seen: TemplateSet,
    job: Estimate,
    of_abcd: Mapping[str, Any] | None,
) -> dict[str, Any]:
    config, block = job.background, job.background.composition
    sets = {
        name: {region: t for region, t in contents.items() if region.startswith("cluster_")}
        for name, contents in [*simulated.items(), ("data", seen)]
    }
    samples = [s for names in block.classes.values() for s in names]
    edges = {r: binning(sets["nominal"], r, [], block.bin_error_max) for r in sets["nominal"]}
    for name in sets:
        if name not in ("nominal", "data"):
            check_alike(sets["nominal"], sets[name], name)
    merged = {name: merge(contents, edges) for name, contents in sets.items()}
    nominal, data = merged["nominal"], merged["data"]
    regions = list(nominal)

    def row(of: TemplateSet, names: Sequence[str], what: str = "values") -> NDArray:
        return np.concatenate(
            [np.sum([getattr(of[r][s], what) for s in names], axis=0) for r in regions]
        )

    def spread_of(s: str) -> NDArray:
        # Empty is not known to be zero: one event.
        one = mean_weight(nominal, s) ** 2
        return np.where(row(nominal, [s]) > 0, row(nominal, [s], "variances"), one)

    classes = block.classes
    templates = np.array(
        [composition.together([row(nominal, names)]) for names in classes.values()]
    )
    variances = np.array(
        [np.sum([spread_of(s) for s in names], axis=0) for names in classes.values()]
    )
    changes = {}
    for name, declared in job.systematics.items():
        files = files_of(name, declared)

        def moved(s: str, declared: Templated = declared, files: list[str] = files) -> NDArray:
            """Up and down contents in each direction, shape (directions, 2, cells)."""
            each = [
                pairs(declared, nominal[r][s], [merged[f][r][s].values for f in files])
                for r in regions
            ]
            return np.concatenate([np.array(found) for found in each], axis=2)

        of_class = []
        for base, members in zip(templates, classes.values(), strict=True):
            both = np.sum([moved(s) for s in members], axis=0)
            # At the same yield: that is fitted.
            both = both * base.sum() / np.maximum(both.sum(axis=2, keepdims=True), composition.TINY)
            of_class.append((both[:, 0] - both[:, 1]) / 2)
        every, names = np.stack(of_class, axis=1), [name]
        if declared.spread() is not None:
            found = principal(every.reshape(len(every), -1), np.sqrt(templates).ravel())
            every = found.reshape(-1, *templates.shape)
            names = [f"{name}_{i}" for i in range(1, len(every) + 1)]
        relative = np.where(templates > 0, every / np.where(templates > 0, templates, 1), 0.0)
        changes |= dict(zip(names, relative, strict=True))
    everything = list(next(iter(data.values())))
    counts, spread = row(data, everything), row(data, everything, "variances")
    extra = np.zeros(len(counts))
    if config.data == "pseudo":
        # Distributed as in the templates: smoother than what the pseudo-data themselves show.
        for s in samples:
            more = (row(data, [s], "variances") - np.abs(row(data, [s]))).sum()
            mine = spread_of(s)
            if mine.sum() > 0:
                extra += mine * max(more, 0.0) / mine.sum()
    clusters = np.concatenate(
        [np.full(len(edges[r]) - 1, int(r.removeprefix("cluster_"))) for r in regions]
    )
    cells = composition.Cells(list(classes), templates, variances, counts, extra, changes, clusters)
    result = composition.fit(cells, block.condition_max, block.fit_probability_min)
    result["notes"] = [
        f"{s}: not among the samples that the clusters were made with; where its events go is"
        " known from simulation alone"
        for s in samples
        if s not in job.trained
    ] + composition.clusters_alone(result["condition"]["clusters"], block.condition_max)
    numbers = np.unique(clusters)
    occupation = np.array([[row_[clusters == k].sum() for k in numbers] for row_ in templates])
    result["occupation"] = {
        name: (line / line.sum()).tolist() for name, line in zip(classes, occupation, strict=True)
    }
    result["cells"] = {
        "variable": block.variable,
        "edges": {r.removeprefix("cluster_"): _edges(nominal[r]) for r in regions},
        "cluster": clusters.tolist(),
        "data": counts.tolist(),
        "data_error": np.sqrt(spread).tolist(),
        "templates": {name: line.tolist() for name, line in zip(classes, templates, strict=True)},
    }
    if config.data == "pseudo":
        _add_truth(result, cells, {name: row(data, names) for name, names in classes.items()})
    result["against_abcd"] = None
    if of_abcd and result["status"] == "ok":
        _against_abcd(result, cells, classes, of_abcd)
    return result


def _edges(contents: Mapping[str, Template]) -> list[float]:
    return next(iter(contents.values())).edges.tolist()


def _add_truth(result: dict[str, Any], cells: composition.Cells, true: dict[str, NDArray]) -> None:
    """What the pseudo-data hold of each class, and the distance of the fit from it in errors."""
    all_of_them = sum(line.sum() for line in true.values())
    result["truth"] = {
        name: {"yield": float(line.sum()), "fraction": float(line.sum() / all_of_them)}
        for name, line in true.items()
    }
    for name, entry in result["classes"].items():
        if entry is not None:
            for quantity in ("yield", "fraction"):
                found = entry[quantity]
                found["pull"] = (found["value"] - result["truth"][name][quantity]) / found["error"]


def _against_abcd(
    result: dict[str, Any],
    cells: composition.Cells,
    classes: Mapping[str, Sequence[str]],
    of_abcd: Mapping[str, Any],
) -> None:
    """The class that ABCD estimates, in region A: its fitted yield over the simulated one there."""
    for k, (name, samples) in enumerate(classes.items()):
        if set(samples) != set(of_abcd["samples"]):
            continue
        found, there = result["classes"][name]["yield"], of_abcd["yields"]["A"]["simulated"]
        if there["value"] <= 0:
            return
        value = found["value"] / cells.templates[k].sum() * there["value"]
        error = abs(value) * np.hypot(
            found["error"] / found["value"], there["error"] / there["value"]
        )
        prediction = of_abcd["prediction"]
        result["against_abcd"] = {
            "class": name,
            "value": float(value),
            "error": float(error),
            "abcd": prediction["value"],
            "abcd_error": prediction["error"],
            "difference": float(
                (value - prediction["value"]) / np.hypot(error, prediction["error"])
            ),
        }
