"""The points of a step of a search, the best one first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from boostflow.errors import BoostflowError
from boostflow.io import read_json, write_json
from boostflow.models.search import said
from boostflow.search.judge import HIGHEST

if TYPE_CHECKING:
    from boostflow.jobs.search import Rank


def rank(job: Rank, files: Rank.Files) -> None:
    """Rank the points; of equal ones that which was declared first, diverged ones last.

    Raises:
        BoostflowError: results are missing or damaged, or all points diverged.
    """
    found: list[dict[str, Any]] = []
    for path in files.results:
        try:
            for entry in read_json(path)["points"]:
                if job.settings is None:
                    found.append(entry)
                elif entry["point"] in job.settings:
                    found.append({**entry, "settings": job.settings[entry["point"]]})
        except (KeyError, TypeError):
            raise BoostflowError(f"{path}: holds no results of points: remove it") from None
    if job.settings is not None:
        order = list(job.settings)
        found.sort(key=lambda entry: order.index(entry["point"]))
        if missing := set(order) - {entry["point"] for entry in found}:
            raise BoostflowError(f"no results of the points {', '.join(sorted(missing))}")
    good = [entry for entry in found if "diverged" not in entry]
    if not good:
        tried = "; ".join(said(entry["settings"]) for entry in found[:3])
        raise BoostflowError(
            f"all {len(found)} points of the search diverged ({tried}, ...): search other values"
        )
    good.sort(key=lambda entry: entry[job.figure], reverse=HIGHEST[job.figure])
    bad = [entry for entry in found if "diverged" in entry]
    write_json(files.ranking, {"figure": job.figure, "points": [*good, *bad]})
