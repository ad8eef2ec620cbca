"""The model of a workspace as a datacard of CMS Combine: text, and ROOT histograms of shapes.

HistFactory and Combine say the same things differently; expectations are the same bin by bin at the
start and with any one parameter at plus or minus one standard deviation:

* `normsys` and `histosys` of one parameter in one sample are one `shape` with the histograms of
  both together; a parameter without any `histosys` is an `lnN`. Between and beyond, and for several
  parameters at once, the two programs interpolate differently, but for symmetric `lnN`.
* `staterror` is a `shape` a bin, of all samples that share it: `autoMCStats` has one parameter a
  bin for a region, where signal and background have their own here.
* A `shapefactor` is a `rateParam` a bin, so its samples are a process a bin. Other factors are a
  `rateParam`.
* `shapesys` (bins without simulated background) is a `rateParam` of a process of that bin, with a
  channel of one bin beside it whose Poisson term is that of HistFactory.
* Parameters of interest scale the processes whose numbers are not positive. The command in the
  first lines of the card says which one scales which.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boostflow import paths
from boostflow.errors import BoostflowError
from boostflow.infer.mcstat import FLOOR
from boostflow.io import atomic, read_json

CARD, SHAPES = "datacard.txt", "shapes.root"
"""Names of the two files."""
LEAST = 1e-3
"""Smallest part of a bin that is left at -1 of a statistical error of more than its content."""
KNOWN = ("normfactor", "normsys", "histosys", "staterror", "shapefactor", "shapesys")
"""Modifiers that are translated."""


@dataclass
class Rate:
    """A factor without constraint: where it starts, and its bounds."""

    start: float
    bounds: tuple[float, float]


@dataclass
class Process:
    """A column of the card."""

    channel: str
    name: str
    content: NDArray
    """Expected events with all factors at 1, shape (bins,)."""
    poi: str | None = None
    """Parameter of interest that scales it."""
    rates: list[str] = field(default_factory=list)
    """Names of its factors."""
    norms: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Factors at -1 and +1 by parameter."""
    shapes: dict[str, tuple[NDArray, NDArray]] = field(default_factory=dict)
    """Contents at -1 and +1 by parameter."""


@dataclass
class Card:
    """A datacard: columns, data by channel, factors."""

    processes: list[Process] = field(default_factory=list)
    observed: dict[str, NDArray] = field(default_factory=dict)
    edges: dict[str, NDArray] = field(default_factory=dict)
    rates: dict[str, Rate] = field(default_factory=dict)
    pois: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Bounds by parameter of interest."""

    def shaped(self) -> set[str]:
        """Names of the parameters that change a shape."""
        return {name for process in self.processes for name in process.shapes}

    def parameters(self) -> list[str]:
        """Names of all parameters with a constraint, in the order of the columns."""
        return list(dict.fromkeys(n for p in self.processes for n in [*p.norms, *p.shapes]))


def run(results: Path, folder: Path | None = None) -> Path:
    """Write the datacard of a run, and return where.

    Args:
        results: folder of the run's results.
        folder: of the two files; None for one beside the workspace. It is replaced.

    Raises:
        BoostflowError: the results have no fit, or it holds something that Combine has no term for.
    """
    fit = read_json(results / paths.FIT)
    card = translate(read_json(results / paths.WORKSPACE), fit["edges"])
    groups: dict[str, list[str]] = {}
    for parameter in fit["parameters"]:
        if parameter["group"]:
            name, _, number = parameter["name"].removesuffix("]").partition("[")
            full = f"{name}_bin{int(number) + 1}" if number else name
            groups.setdefault(parameter["group"], []).append(full)
    folder = results / paths.DATACARD if folder is None else folder
    write(card, folder, groups)
    return folder


def translate(spec: Mapping[str, Any], edges: Mapping[str, Sequence[float]]) -> Card:
    """The datacard of a workspace.

    Args:
        spec: HistFactory JSON; its first measurement says where parameters start.
        edges: of the bins by channel.

    Raises:
        BoostflowError: something that Combine has no term for; the message says what.
    """
    declared = {p["name"]: p for p in spec["measurements"][0]["config"]["parameters"]}
    pois = [measurement["config"]["poi"] for measurement in spec["measurements"]]
    card = Card()
    for poi in pois:
        low, high = declared.get(poi, {}).get("bounds", [[0.0, 10.0]])[0]
        card.pois[plain(poi)] = (float(low), float(high))
    for channel in spec["channels"]:
        name = plain(channel["name"])
        card.edges[name] = np.asarray(edges[channel["name"]], dtype=float)
        statistics = _statistics(channel)
        for sample in channel["samples"]:
            for part in _parts(name, sample, declared):
                _translate(card, part, sample, statistics, declared, pois)
    for observation in spec["observations"]:
        card.observed[plain(observation["name"])] = np.asarray(observation["data"], dtype=float)
    _distinct([f"{p.channel}/{p.name}" for p in card.processes], "processes")
    _distinct([*card.rates, *card.parameters(), *card.pois], "parameters")
    return card


def plain(name: str) -> str:
    """A name without characters that formulas of ROOT give a meaning."""
    return "".join(letter if letter.isalnum() or letter == "_" else "_" for letter in name)


def _distinct(names: Iterable[str], what: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise BoostflowError(
                f"datacard: two {what} would be called {name}: rename a sample or a systematic"
            )
        seen.add(name)


def _statistics(channel: Mapping[str, Any]) -> dict[str, NDArray]:
    """Relative errors of the bins by name of a staterror, common to the samples that share it."""
    content: dict[str, NDArray] = {}
    variance: dict[str, NDArray] = {}
    for sample in channel["samples"]:
        for modifier in sample["modifiers"]:
            if modifier["type"] == "staterror":
                name = modifier["name"]
                content[name] = content.get(name, 0) + np.asarray(sample["data"], dtype=float)
                variance[name] = variance.get(name, 0) + np.square(modifier["data"])
    return {
        name: np.divide(np.sqrt(variance[name]), total, out=np.zeros(len(total)), where=total > 0)
        for name, total in content.items()
    }


@dataclass
class Part:
    """Some bins of a sample that are one process."""

    channel: str
    name: str
    bins: NDArray
    """Whether a bin is in it, shape (bins,)."""

    @property
    def first(self) -> int:
        """Number of its first bin."""
        return int(np.flatnonzero(self.bins)[0])


def _parts(
    channel: str, sample: Mapping[str, Any], declared: Mapping[str, Mapping[str, Any]]
) -> Iterator[Part]:
    """The processes of a sample: one, or one for each bin that has a factor of its own."""
    kinds = {modifier["type"] for modifier in sample["modifiers"]}
    where = f"datacard: {sample['name']} in {channel}"
    if unknown := kinds - set(KNOWN):
        raise BoostflowError(f"{where}: Combine has no {', '.join(sorted(unknown))}")
    data = np.asarray(sample["data"], dtype=float)
    if (data < 0).any():
        raise BoostflowError(
            f"{where}: Combine wants no negative events (bin {np.flatnonzero(data < 0)[0] + 1}): of"
            " infer.transfer only functions of basis bernstein, exp_bernstein and exp_chebyshev"
            " can be written"
        )
    own = np.zeros(len(data), dtype=bool)
    for modifier in sample["modifiers"]:
        if modifier["type"] == "shapefactor":
            own |= True
        elif modifier["type"] == "shapesys":
            own |= np.asarray(modifier["data"]) > 0
    name = plain(sample["name"])
    if (~own & (data > 0)).any():
        yield Part(channel, name, ~own)
    for number in np.flatnonzero(own & (data > 0)):
        yield Part(channel, f"{name}_bin{number + 1}", np.arange(len(data)) == number)


def _translate(
    card: Card,
    part: Part,
    sample: Mapping[str, Any],
    statistics: Mapping[str, NDArray],
    declared: Mapping[str, Mapping[str, Any]],
    pois: Sequence[str],
) -> None:
    """Add the column of a process with all that acts on it."""
    content = np.where(part.bins, np.asarray(sample["data"], dtype=float), 0.0)
    process = Process(part.channel, part.name, content)
    low: dict[str, NDArray] = {}
    high: dict[str, NDArray] = {}
    factors: dict[str, tuple[float, float]] = {}
    for modifier in sample["modifiers"]:
        kind, name = modifier["type"], modifier["name"]
        if kind == "normfactor" and name in pois:
            if process.poi:
                raise BoostflowError(
                    f"datacard: {sample['name']} in {part.channel} has two parameters of interest"
                )
            process.poi = plain(name)
        elif kind == "normfactor":
            _free(card, process, plain(name), declared.get(name, {}), 0)
        elif kind == "shapefactor":
            number = part.first
            _free(card, process, f"{plain(name)}_bin{number + 1}", declared.get(name, {}), number)
        elif kind == "shapesys" and part.bins.sum() == 1:
            number = part.first
            if (error := modifier["data"][number]) > 0:
                full = f"{plain(name)}_bin{number + 1}"
                _free(card, process, full, declared.get(name, {}), number)
                _beside(card, full, (content[number] / error) ** 2)
        elif kind == "normsys":
            factors[name] = (float(modifier["data"]["lo"]), float(modifier["data"]["hi"]))
        elif kind == "histosys":
            low[name] = np.asarray(modifier["data"]["lo_data"], dtype=float)
            high[name] = np.asarray(modifier["data"]["hi_data"], dtype=float)
        elif kind == "staterror":
            for number in np.flatnonzero(part.bins & (statistics[name] > 0) & (content > 0)):
                full, error = f"{plain(name)}_bin{number + 1}", statistics[name][number]
                at = np.arange(len(content)) == number
                sides = [np.where(at, max(1 + s * error, LEAST), 1.0) for s in (-1, 1)]
                _vary(process, full, (sides[0] * content, sides[1] * content))
    for name in dict.fromkeys([*factors, *low]):
        down, up = factors.get(name, (1.0, 1.0))
        centre = float(declared.get(name, {}).get("inits", [0.0])[0])
        if centre:
            # An exponential function is at its start far from 0; symmetric ones are so everywhere.
            if name in low or not np.isclose(down * up, 1.0):
                raise BoostflowError(
                    f"datacard: {name} starts at {centre:g}, where Combine's parameters start at 0"
                )
            process.content = process.content * up**centre
            content = process.content
        sides = [
            np.where(part.bins, given.get(name, content) * factor, 0.0)
            for given, factor in ((low, down), (high, up))
        ]
        _vary(process, plain(name), (sides[0], sides[1]))
    card.processes.append(process)


def _free(
    card: Card, process: Process, name: str, declared: Mapping[str, Any], number: int
) -> None:
    """A factor of a process without a constraint, number `number` of its parameter."""
    start = declared.get("inits", [1.0])
    low, high = declared.get("bounds", [[0.0, 10.0]])[number if "bounds" in declared else 0]
    value = float(start[number if len(start) > 1 else 0])
    card.rates[name] = Rate(value, (float(low), float(high)))
    process.rates.append(name)


def _beside(card: Card, name: str, expected: float) -> None:
    """A channel of one bin in which nothing is seen: the constraint of a factor."""
    channel = f"beside_{name}"
    card.edges[channel] = np.array([0.0, 1.0])
    card.observed[channel] = np.zeros(1)
    card.processes.append(Process(channel, "unseen", np.array([expected]), rates=[name]))


def _vary(process: Process, name: str, sides: tuple[NDArray, NDArray]) -> None:
    """Let a parameter change a process: its yield alone where the shape is the same."""
    content, (low, high) = process.content, sides
    totals = low.sum() / content.sum(), high.sum() / content.sum()
    if min(totals) <= 0 or min(low.min(), high.min()) < 0:
        raise BoostflowError(
            f"datacard: {name} leaves no events, or less, of {process.name} in {process.channel}"
            " or in a bin of it, where Combine wants some; merge bins (a smaller"
            " infer.bin_error_max)"
        )
    # An empty bin, which stays as it is, has another ratio than the rest and no events.
    if all(
        np.allclose(side, total * content, rtol=1e-9, atol=FLOOR)
        for side, total in zip(sides, totals, strict=True)
    ):
        process.norms[name] = (float(totals[0]), float(totals[1]))
    else:
        process.shapes[name] = sides


# --- files ----------------------------------------------------------------------------------------


def text(card: Card, groups: Mapping[str, Sequence[str]]) -> str:
    """The datacard itself.

    Args:
        card: what it says.
        groups: names of parameters of the workspace, by name of their group.
    """
    columns, shaped = card.processes, card.shaped()
    rule = "-" * 80
    numbers = _numbers(columns)
    lines = [*_head(card), rule, f"imax {len(card.edges)}", "jmax *", "kmax *", rule]
    lines += [f"shapes * * {SHAPES} $CHANNEL/$PROCESS $CHANNEL/$PROCESS_$SYSTEMATIC", rule]
    lines += _aligned(
        [
            ["bin", *card.edges],
            ["observation", *(f"{card.observed[name].sum():.10g}" for name in card.edges)],
        ]
    )
    rows = [
        ["bin", "", *(process.channel for process in columns)],
        ["process", "", *(process.name for process in columns)],
        ["process", "", *(str(numbers[process.name]) for process in columns)],
        ["rate", "", *(["-1"] * len(columns))],
    ]
    for name in card.parameters():
        kind = "shape" if name in shaped else "lnN"
        rows.append([name, kind, *(_cell(process, name, kind) for process in columns)])
    table = _aligned(rows)
    lines += [rule, *table[:4], rule, *table[4:]]
    for process in columns:
        for name in process.rates:
            rate = card.rates[name]
            limits = ",".join(map(repr, rate.bounds))
            column = f"{process.channel} {process.name}"
            lines.append(f"{name} rateParam {column} {rate.start!r} [{limits}]")
    for group, names in groups.items():
        mine = [plain(name) for name in names if plain(name) in set(card.parameters())]
        if mine:
            lines.append(f"{group} group = {' '.join(mine)}")
    return "\n".join([*lines, ""])


def _head(card: Card) -> list[str]:
    """Comments: what the card is, and how Combine learns of the parameters of interest."""
    maps = []
    for poi, (low, high) in card.pois.items():
        names = sorted({p.name for p in card.processes if p.poi == poi})
        maps.append(f"--PO 'map=.*/({'|'.join(names)}):{poi}[1,{low:.6g},{high:.6g}]'")
    return [
        "# Written by boostflow from the workspace of the fit.",
        "# text2workspace.py -P HiggsAnalysis.CombinedLimit.PhysicsModel:multiSignalModel"
        f" {' '.join(maps)} {CARD}",
    ]


def _numbers(columns: Sequence[Process]) -> dict[str, int]:
    """Numbers of processes: of signals 0, -1, ..., of others 1, 2, ..."""
    signals = list(dict.fromkeys(p.name for p in columns if p.poi))
    others = list(dict.fromkeys(p.name for p in columns if p.name not in signals))
    return {name: -k for k, name in enumerate(signals)} | {
        name: k for k, name in enumerate(others, 1)
    }


def _cell(process: Process, name: str, kind: str) -> str:
    if kind == "shape":
        return "1" if name in process.shapes or name in process.norms else "-"
    if name not in process.norms:
        return "-"
    low, high = process.norms[name]
    return f"{low:.10g}/{high:.10g}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    return [
        " ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def histograms(card: Card) -> Iterator[tuple[str, NDArray, NDArray]]:
    """All histograms as name, contents and edges."""
    shaped = card.shaped()
    for channel, data in card.observed.items():
        yield f"{channel}/data_obs", data, card.edges[channel]
    for process in card.processes:
        name, edges = f"{process.channel}/{process.name}", card.edges[process.channel]
        yield name, process.content, edges
        for parameter, sides in process.shapes.items():
            for side, content in zip(("Down", "Up"), sides, strict=True):
                yield f"{name}_{parameter}{side}", content, edges
        for parameter, factors in process.norms.items():
            if parameter in shaped:
                for side, factor in zip(("Down", "Up"), factors, strict=True):
                    yield f"{name}_{parameter}{side}", process.content * factor, edges


def write(card: Card, folder: Path, groups: Mapping[str, Sequence[str]]) -> None:
    """Write both files into a folder, which is there whole or not at all.

    Args:
        card: what they say.
        folder: it is replaced.
        groups: as for `text`.
    """
    import uproot

    with atomic(folder) as part:
        part.mkdir()
        (part / CARD).write_text(text(card, groups), encoding="utf-8")
        with uproot.recreate(part / SHAPES) as file:
            for name, content, edges in histograms(card):
                file[name] = content, edges
