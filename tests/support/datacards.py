"""A reader of CMS Combine's datacards; it shares nothing with boostflow's writer."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import uproot


@dataclass
class Datacard:
    """What a datacard says."""

    channels: list[str] = field(default_factory=list)
    observed: dict[str, np.ndarray] = field(default_factory=dict)
    columns: list[tuple[str, str, int]] = field(default_factory=list)
    """Channel, process, number."""
    nuisances: dict[str, tuple[str, list[str]]] = field(default_factory=dict)
    """Kind and cells by name."""
    rates: list[tuple[str, str, str, float]] = field(default_factory=list)
    """Name, channel, process, start of each line."""
    groups: dict[str, list[str]] = field(default_factory=dict)
    maps: list[tuple[str, str]] = field(default_factory=list)
    """Pattern of channel/process, and name, of parameters of interest."""
    shapes: dict[str, np.ndarray] = field(default_factory=dict)
    """Contents of the histograms by name."""
    pattern: tuple[str, str] = ("", "")

    def starts(self) -> dict[str, float]:
        """Factors without constraint where they start, with parameters of interest at 1."""
        return {name: value for name, *_, value in self.rates} | {poi: 1.0 for _, poi in self.maps}

    def histogram(self, channel: str, process: str, shifted: str = "") -> np.ndarray:
        """The histogram of a process."""
        text = self.pattern[bool(shifted)]
        for word, value in (("CHANNEL", channel), ("PROCESS", process), ("SYSTEMATIC", shifted)):
            text = text.replace(f"${word}", value)
        return self.shapes[text]

    def expected(
        self, shift: tuple[str, int] | None = None, factors: dict[str, float] | None = None
    ) -> dict[str, np.ndarray]:
        """Events by channel, with one nuisance parameter at +1 or -1, and factors at values."""
        values = self.starts() | (factors or {})
        found = {name: np.zeros_like(data) for name, data in self.observed.items()}
        for number, (channel, process, code) in enumerate(self.columns):
            events = self.histogram(channel, process)
            if shift is not None:
                kind, cells = self.nuisances[shift[0]]
                cell, up = cells[number], shift[1] > 0
                if cell != "-" and kind == "shape":
                    side = "Up" if up else "Down"
                    events = self.histogram(channel, process, f"{shift[0]}{side}")
                elif cell != "-":
                    low, _, high = cell.partition("/")
                    events = events * float(high if up else low)
            for name, where, what, _ in self.rates:
                if fnmatch.fnmatch(channel, where) and fnmatch.fnmatch(process, what):
                    events = events * values[name]
            scales = [name for text, name in self.maps if re.match(text, f"{channel}/{process}")]
            assert (code <= 0) == bool(scales)
            for name in scales:
                events = events * values[name]
            found[channel] = found[channel] + events
        return found


def read(folder: Path) -> Datacard:
    """Read `datacard.txt` in a folder and the histograms that it names."""
    card = Datacard()
    bins: list[list[str]] = []
    processes: list[list[str]] = []
    counted: list[float] = []
    declared = 0
    for line in (folder / "datacard.txt").read_text().splitlines():
        words = line.split()
        if line.startswith("#"):
            card.maps += re.findall(r"map=(\S+?):(\w+)\[", line)
        elif not words or line.startswith("---"):
            continue
        elif words[0] == "imax":
            declared = int(words[1])
        elif words[0] in ("jmax", "kmax"):
            assert words[1] == "*"
        elif words[0] == "shapes":
            assert words[1:3] == ["*", "*"]
            card.pattern = (words[4], words[5])
            with uproot.open(folder / words[3]) as file:
                for key in file.keys(cycle=False, filter_classname="TH1*"):
                    card.shapes[key] = file[key].values()
        elif words[0] == "bin":
            bins.append(words[1:])
        elif words[0] == "observation":
            counted = [float(word) for word in words[1:]]
        elif words[0] == "process":
            processes.append(words[1:])
        elif words[0] == "rate":
            assert set(words[1:]) == {"-1"}
        elif words[1] == "rateParam":
            name, _, channel, process, start, limits = words
            low, high = map(float, limits.strip("[]").split(","))
            assert low <= float(start) <= high
            card.rates.append((name, channel, process, float(start)))
        elif words[1] == "group":
            assert words[2] == "="
            card.groups[words[0]] = words[3:]
        else:
            assert words[1] in ("lnN", "shape")
            assert words[0] not in card.nuisances
            card.nuisances[words[0]] = (words[1], words[2:])
    (channels, columns), (names, numbers) = bins, processes
    card.channels = channels
    assert declared == len(channels) == len(counted)
    card.columns = list(zip(columns, names, map(int, numbers), strict=True))
    assert len(set(card.columns)) == len(card.columns)
    for _, cells in card.nuisances.values():
        assert len(cells) == len(card.columns)
    for channel, total in zip(channels, counted, strict=True):
        card.observed[channel] = card.histogram(channel, "data_obs")
        assert np.isclose(card.observed[channel].sum(), total, rtol=1e-8)
    return card
