"""Regressions of a run beside the area and the multiplicity method: bias and width.

    make bench-regression                  # after `make run CONFIG=config/heavy_ions.yaml`

Of each range of the centrality a table of bias and width in bins of the true pT, from the
evaluations of a run, and what was hoped for beside what was reached.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from boostflow.errors import BoostflowError
from boostflow.io import read_json
from command import run

RATIO, BIAS = 0.6, 1.0
"""Width over that of the area method at most, bias at most (GeV)."""
RATIO_AT, BIAS_AT = (20.0, 40.0), (20.0, 120.0)
"""Ranges of the true pT where these are wanted (GeV)."""

Bins = list[dict[str, Any] | None]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument(
        "--run", type=Path, default=Path("results/heavy_ions"), metavar="FOLDER", help="of a run"
    )
    parser.add_argument("--beside", default="multiplicity", metavar="NAME", help="model to beat")


def main(args: argparse.Namespace) -> None:
    """Print the tables."""
    found = {}
    for path in sorted((args.run / "evaluation").glob("*.json")):
        data = read_json(path)
        if data.get("kind") == "regression":
            found[path.stem] = data
    if args.beside not in found:
        raise BoostflowError(
            f"{args.run}: no evaluation of a regression {args.beside}: make run"
            " CONFIG=config/heavy_ions.yaml first, or name another folder or model"
        )
    for number, one in enumerate(found[args.beside]["ranges"]):
        where = "all jets" if one["range"] is None else f"{one['range']} particles"
        print(f"\n{where}, {one['jets']} test jets, with fakes")
        print(f"{'model':14}{'true pT':>12}{'jets':>7}{'bias':>15}{'width':>15}{'/ area':>14}")
        for name, data in found.items():
            for entry in data["ranges"][number]["bins"]:
                if entry is not None:
                    span = f"{entry['low']:g}-{entry['high']:g}"
                    figures = "".join(f"{shown(entry[x]):>15}" for x in ("bias", "width"))
                    ratio = shown(entry["ratio"]) if "ratio" in entry else "-"
                    print(f"{name:14}{span:>12}{entry['jets']:>7}{figures}{ratio:>14}")
    print()
    for name, data in found.items():
        first = next(one for one in data["ranges"][0]["bins"] if one is not None)
        subtracts = first.get("ratio") == {"value": 1.0, "error": 0.0}
        if name != args.beside and not subtracts:
            for line in goals(name, data, found[args.beside], args.beside):
                print(line)


def goals(
    name: str, data: Mapping[str, Any], other: Mapping[str, Any], beside: str
) -> Iterator[str]:
    """Yield what was wanted in the most central range, and what was found."""
    mine, theirs = (one["ranges"][-1]["bins"] for one in (data, other))
    for a, b in zip(mine, theirs, strict=True):
        if a and b and (a["low"], a["high"]) == RATIO_AT and "ratio" in a:
            met = "reached" if a["ratio"]["value"] <= RATIO else "MISSED"
            found = shown(a["ratio"])
            yield f"{name}: width / area method at 20-40 GeV {found} (<= {RATIO}): {met}"
            ratio = a["width"]["value"] / b["width"]["value"]
            parts = [x["width"]["error"] / x["width"]["value"] for x in (a, b)]
            error = ratio * float(np.hypot(*parts))
            met = "reached" if ratio + error < 1 else "MISSED"
            yield f"{name}: width / {beside} at 20-40 GeV {ratio:.2f} ± {error:.2f} (< 1): {met}"
    low, high = BIAS_AT
    for bins, what in ((data["ranges"][0]["bins"], "all"), (mine, "most central")):
        inside = [x["bias"] for x in bins if x and low <= x["low"] and x["high"] <= high]
        if inside:
            worst = max(inside, key=lambda figure: abs(figure["value"]))
            met = "reached" if abs(worst["value"]) <= BIAS else "MISSED"
            yield f"{name}: largest bias at 20-120 GeV, {what}: {shown(worst)} GeV (<= 1): {met}"


def shown(figure: Mapping[str, float]) -> str:
    """`0.52 ± 0.03`."""
    return f"{figure['value']:.2f} ± {figure['error']:.2f}"


if __name__ == "__main__":
    run(main, arguments, __doc__)
