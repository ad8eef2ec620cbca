"""Smearing of simulated jets to the resolution of data, the hybrid method of CMS (JINST 12 P02014).

With x a jet's pT or mass, sigma its relative resolution in simulation and s the scale factor,

    matched    c = 1 + (s - 1) (x - x_gen) / x
    else       c = 1 + sigma N(0, 1) sqrt(max(s^2 - 1, 0))

where a jet is matched if its generator jet lies within half of the radius (ingest sees to that)
and |x - x_gen| < 3 sigma x. N(0, 1) follows from event and jet alone: it is the same for nominal,
up and down, and whatever the order of files and chunks.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import correctionlib

MATCHED_SIGMA = 3.0
SMALLEST = 0.01
"""Smallest factor of a jet's momentum, so that no jet turns around."""

STREAMS = {"pt": 0, "mass": 1}
"""Independent random numbers of a jet."""


def factors(
    x: NDArray[np.float64],
    generated: NDArray[np.float64] | None,
    sigma: NDArray[np.float64],
    scale: NDArray[np.float64],
    normal: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The factor c of each jet, all arrays of shape (jets,).

    Args:
        x: what is smeared (GeV).
        generated: the same of the generator jet, NaN where there is none; None: of no jet.
        sigma: relative resolution in simulation.
        scale: resolution of data over that of simulation.
        normal: a normal random number a jet.
    """
    c = 1 + sigma * normal * np.sqrt(np.maximum(scale**2 - 1, 0))
    if generated is not None:
        with np.errstate(divide="ignore", invalid="ignore"):
            away = (x - generated) / x
        c = np.where(np.abs(away) < MATCHED_SIGMA * sigma, 1 + (scale - 1) * away, c)
    return np.maximum(c, SMALLEST)


def normals(
    event_id: NDArray[np.uint64], jet_index: NDArray[np.integer], stream: str
) -> NDArray[np.float64]:
    """A normal random number a jet, a hash of its event, its number in it and the stream."""
    if not len(event_id):
        return np.zeros(0)
    # A hash input is a double, which holds 53 bits exactly.
    high, low = event_id >> np.uint64(32), event_id & np.uint64(0xFFFFFFFF)
    columns = [np.asarray(x, dtype=np.float64) for x in (high, low, jet_index)]
    return np.asarray(_generator().evaluate(*columns, float(STREAMS[stream])))


@cache
def _generator() -> correctionlib.highlevel.Correction:
    """correctionlib's generator, seeded anew for each jet by a hash of the inputs."""
    import correctionlib

    inputs = ["event_high", "event_low", "jet", "stream"]
    content = {
        "schema_version": 2,
        "corrections": [
            {
                "name": "normal",
                "version": 1,
                "inputs": [{"name": name, "type": "real"} for name in inputs],
                "output": {"name": "normal", "type": "real"},
                "data": {"nodetype": "hashprng", "inputs": inputs, "distribution": "normal"},
            }
        ],
    }
    return correctionlib.CorrectionSet.from_string(json.dumps(content))["normal"]
