"""Another model's regions in place of the analysis' own: what the fit could do there.

Such regions hold other jets, so their templates differ from the nominal ones by much more than any
uncertainty: they are another analysis of the same events, not a nuisance parameter of this one.
Both are compared by what statistics allows: of the data, and of the simulated background.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from boostflow.evaluate.significance import asimov
from boostflow.infer import observed
from boostflow.infer.mcstat import errors
from boostflow.infer.merge import binning, mean_weight, merge
from boostflow.infer.transfer import fitted
from boostflow.io import write_json
from boostflow.templates.files import TemplateSet, read

if TYPE_CHECKING:
    from boostflow.jobs.statistics import Crosscheck

log = logging.getLogger(__name__)


def run(job: Crosscheck, files: Crosscheck.Files) -> None:
    """Compare the regions of two template files; write JSON (docs/contracts.md, "inference").

    Raises:
        BoostflowError: a file cannot be read.
    """
    result = {}
    for name, path in (("regions", files.nominal), ("instead", files.instead)):
        templates = fitted(observed.split(read(path), job.data)[0], job.infer.transfer)
        edges = {
            r: binning(templates, r, job.infer.signals(), job.infer.bin_error_max)
            for r in templates
        }
        merged = merge(templates, edges)
        pois = job.infer.pois().items()
        result[name] = {poi: sensitivity(merged, samples) for poi, samples in pois}
        log.info("%s: %s", name, result[name])
    write_json(files.figures, result)


def sensitivity(templates: TemplateSet, signal: Sequence[str]) -> dict[str, Any]:
    """Expected error of mu and discovery significance without systematic uncertainties.

    Each bin adds s^2 / (s + b + var b) to 1 / error^2 (Gaussian), and to the square of the
    significance that of its Asimov value, with a background that is known to sqrt(var b); a sample
    without simulated jets in a bin counts with the error of one. Samples of other parameters of
    interest are background here, as strong as expected.

    Args:
        templates: nominal ones of the regions, bins merged as for the fit.
        signal: names of the samples that mu scales.

    Returns:
        `error`, `significance` (null where no region has signal and background), expected events by
        region: `{region: {signal, background}}`, and `notes` on regions that are left out.
    """
    information = square = 0.0
    yields, notes = {}, []
    for region, contents in templates.items():
        s = sum((t.values for n, t in contents.items() if n in signal), np.zeros(1))
        background = {n: t for n, t in contents.items() if n not in signal}
        b = sum((t.values for t in background.values()), np.zeros(1))
        known = (errors(t, mean_weight(templates, n)) for n, t in background.items())
        variance = sum((error**2 for error in known), np.zeros(1))
        good = b > 0
        if not good.any():
            notes.append(f"region {region} has no expected background: left out")
            continue
        s, b, variance = s[good], b[good], variance[good]
        information += float(np.sum(s**2 / (np.maximum(s, 0) + b + variance)))
        square += float(np.sum(asimov(s, b, np.sqrt(variance)) ** 2))
        yields[region] = {"signal": float(s.sum()), "background": float(b.sum())}
    if information <= 0:
        notes.append("no region has signal and background")
    return {
        "error": information**-0.5 if information > 0 else None,
        "significance": square**0.5 if information > 0 else None,
        "yields": yields,
        "notes": notes,
    }
