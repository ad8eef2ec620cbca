"""The stage infer: from template files to workspace.json, fit.json and yields.json."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from boostflow.infer import fit, ftest, mcstat, sidebands
from boostflow.infer.merge import mean_weight
from boostflow.infer.prepare import prepare
from boostflow.infer.yields import tabulate
from boostflow.io import write_json
from boostflow.templates.files import read_notes

if TYPE_CHECKING:
    from boostflow.jobs.statistics import Infer

log = logging.getLogger(__name__)


def infer(job: Infer, files: Infer.Files) -> None:
    """Build the workspace, fit it, and write both and the yields before and after the fit.

    Raises:
        BoostflowError: a file cannot be read, templates or data are missing or do not belong
            together, or the fit does not converge.
    """
    for name in ("pyhf", "cabinetry"):
        logging.getLogger(name).setLevel(logging.ERROR)
    config = job.infer
    parts = prepare(job, files)
    spec, notes = parts.workspace(parts.estimate(config.transfer, parts.orders))
    nominal, kept = parts.templates["nominal"], parts.edges
    functions = (
        ftest.notes(config.transfer, nominal, parts.orders, config.seed) if config.transfer else []
    )
    notes = [
        *(note for path in files.templates if path.stem == "nominal" for note in read_notes(path)),
        *(f"{region}: bins {', '.join(f'{x:g}' for x in kept[region])}" for region in kept),
        *parts.notes,
        *functions,
        *notes,
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
        "text": ". ".join(entry["text"] for entry in found["pois"].values()),
        "variable": next(iter(next(iter(nominal.values())).values())).variable,
        "edges": kept,
        "notes": [*notes, *unknown],
    }
    unfitted = dict(parts.counts) if config.data != "observed" else {}
    for region in sidebands.masks(parts):  # the checks draw them, beside their windows
        unfitted.pop(region, None)
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
