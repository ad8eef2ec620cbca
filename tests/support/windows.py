"""Collision data in a hidden window, in numbers that must change nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boostflow.config.statistics import Infer
from boostflow.infer import closure
from boostflow.io import read_json
from boostflow.jobs.transfer import CheckTransfer
from boostflow.templates.files import Template
from support.fits import write_templates


def checks(
    folder: Path,
    config: Infer,
    nominal: Mapping[str, dict[str, Template]],
    data: Mapping[str, NDArray[Any]],
    inside: NDArray[np.bool_],
) -> Iterator[dict[str, Any]]:
    """What the checks write where a window holds the data, and ten times as many.

    Args:
        folder: for templates and figures.
        config: with the window in `transfer.hidden`.
        nominal: simulated templates by region and sample.
        data: collision data of the regions that have some, each (bins,).
        inside: which bins the window touches, (bins,).
    """
    for factor in (1, 10):
        here = folder / f"times_{factor}"
        here.mkdir()
        filled = {region: dict(found) for region, found in nominal.items()}
        for region, values in data.items():
            edges, seen = filled[region]["qcd"].edges, np.where(inside, factor * values, values)
            filled[region]["run"] = Template(seen, seen, edges, "msoftdrop")
        templates = write_templates(here, {"nominal": filled})
        files = CheckTransfer.Files(templates=templates, figures=here / "transfer.json")
        closure.run(CheckTransfer(infer=config, data=["run"]), files)
        yield read_json(files.figures)
