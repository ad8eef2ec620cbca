"""Template files: TH1 `{region}/{sample}` with errors, one file per variation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from boostflow.errors import BoostflowError
from boostflow.io import atomic
from boostflow.templates.build import Histograms


@dataclass(frozen=True)
class Template:
    """Expected events and their variances, shape (bins,), with edges of shape (bins + 1,)."""

    values: NDArray
    variances: NDArray
    edges: NDArray
    variable: str


NOTES = "notes"
"""Name of the notes in a template file, a line each."""

TemplateSet = dict[str, dict[str, Template]]
"""Templates of one variation by region and sample."""


def write(path: str | Path, histograms: Histograms, notes: Sequence[str] = ()) -> None:
    """Write the templates of one variation as TH1D with sums of squared weights, and notes."""
    import uproot

    with atomic(path) as part, uproot.recreate(part) as file:
        for (region, sample), histogram in histograms.items():
            file[f"{region}/{sample}"] = histogram
        if notes:
            file[NOTES] = "\n".join(notes)


def read_notes(path: str | Path) -> list[str]:
    """The notes of a template file that `read` has read."""
    import uproot

    with uproot.open(path) as file:
        return str(file[NOTES]).split("\n") if NOTES in file else []


def read(path: str | Path, *, finite: bool = True) -> TemplateSet:
    """Read the templates of one variation.

    Args:
        path: file.
        finite: refuse templates with a bin that is not finite.

    Raises:
        BoostflowError: the file is missing, holds no template, or a template is not finite.
    """
    import uproot

    try:
        file = uproot.open(path)
    except FileNotFoundError:
        raise BoostflowError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise BoostflowError(f"{path}: not a ROOT file ({error})") from None
    result: TemplateSet = {}
    with file:
        for key in file.keys(cycle=False, filter_classname="TH1*"):
            region, _, sample = key.partition("/")
            histogram = file[key]
            axis = histogram.axis()
            template = Template(
                histogram.values(),
                histogram.variances(),
                axis.edges(),
                axis.member("fTitle") or axis.member("fName"),
            )
            if finite and not np.isfinite([template.values, template.variances]).all():
                raise BoostflowError(f"{path}: template {key} has a bin that is not finite")
            result.setdefault(region, {})[sample] = template
    if not result:
        raise BoostflowError(f"{path}: no templates (TH1 named region/sample)")
    return result


def read_variations(paths: Sequence[Path], *, finite: bool = True) -> dict[str, TemplateSet]:
    """Read the templates of nominal and of variations, by variation.

    Args:
        paths: files `{variation}.root`, `nominal.root` among them.
        finite: refuse templates with a bin that is not finite.

    Raises:
        BoostflowError: as `read`; or there is no nominal.root.
    """
    found = {path.stem: read(path, finite=finite) for path in paths}
    if "nominal" not in found:
        raise BoostflowError(f"no nominal.root among the templates {', '.join(map(str, paths))}")
    return found
