"""The stage infer: from template files to workspace.json, fit.json and yields.json."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from boostflow.infer import enter, fit, ftest, mcstat, observed, transfer, workspace
from boostflow.infer.merge import binnings, mean_weight, merge
from boostflow.infer.yields import tabulate
from boostflow.io import read_json, write_json
from boostflow.templates.files import read, read_notes, read_variations

if TYPE_CHECKING:
    from boostflow.jobs.statistics import Infer

log = logging.getLogger(__name__)

PSEUDO = "pseudo"
"""Variation that the templates of the validation split count as."""


def infer(job: Infer, files: Infer.Files) -> None:
    """Build the workspace, fit it, and write both and the yields before and after the fit.

    Raises:
        BoostflowError: a file cannot be read, templates or data are missing or do not belong
            together, or the fit does not converge.
    """
    for name in ("pyhf", "cabinetry"):
        logging.getLogger(name).setLevel(logging.ERROR)
    config = job.infer
    templates = read_variations(files.templates)
    templates["nominal"], counts = observed.split(templates["nominal"], job.data)
    for path in files.pseudo:
        templates[PSEUDO] = read(path)
    edges = binnings(templates["nominal"], config.signals(), config.bin_error_max, config.transfer)
    for variation, others in templates.items():
        workspace.check_alike(templates["nominal"], others, variation)
    merged = {name: merge(others, edges) for name, others in templates.items()}
    independent = merged.pop(PSEUDO, None)
    counts = {region: np.add.reduceat(n, edges[region][:-1]) for region, n in counts.items()}
    chosen = (
        ftest.orders(config.transfer, merged["nominal"], config.seed) if config.transfer else {}
    )
    source = independent
    if source is not None and config.transfer is not None:
        source = transfer.smoothed(source, config.transfer, chosen)
    fitted, drawn = observed.observations(config, merged["nominal"], counts, source)
    estimate = (
        transfer.estimate(config.transfer, merged["nominal"], fitted, chosen)
        if config.transfer
        else None
    )
    spec, notes = workspace.build(merged, job.systematics, config, fitted, independent, estimate)
    for path in files.controls:
        spec = enter.apply(spec, read_json(path)["control"])
    kept = {
        region: next(iter(contents.values())).edges.tolist()
        for region, contents in merged["nominal"].items()
    }
    notes = [
        *(note for path in files.templates if path.stem == "nominal" for note in read_notes(path)),
        *(f"{region}: bins {', '.join(f'{x:g}' for x in kept[region])}" for region in kept),
        *(drawn + notes),
    ]
    for note in notes:
        log.info("%s", note)
    write_json(files.workspace, spec)
    found = fit.run(spec, job.systematics, config)
    unknown = []
    for poi, result in found["pois"].items():
        undefined = [note] if (note := result["limit"].get("note")) else []
        unknown += [*fit.unknown_parts(result["breakdown"], poi), *undefined]
        result["samples"] = config.pois()[poi]
    for note in (unknown := list(dict.fromkeys(unknown))):
        log.warning("%s", note)
    result = found | {
        "variable": next(iter(next(iter(merged["nominal"].values())).values())).variable,
        "edges": kept,
        "notes": [*notes, *unknown],
    }
    nominal = merged["nominal"]
    unfitted = counts if config.data != "observed" else {}
    empty = {
        region: {
            name: np.where(t.values <= 0, mcstat.errors(t, mean_weight(nominal, name)), np.nan)
            for name, t in contents.items()
        }
        for region, contents in nominal.items()
    }
    write_json(files.yields, tabulate(spec, kept, unfitted, empty))
    write_json(files.fit, result)
    for entry in result["pois"].values():
        z = entry["significance"]
        log.info("%s; discovery significance %.2f", entry["text"], z.get("observed", z["expected"]))
