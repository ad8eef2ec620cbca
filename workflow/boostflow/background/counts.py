"""Events in the regions of the background estimates, by sample: simulation and (pseudo-)data.

Events, not jets, are counted: each enters with its candidate jet. Simulation is the test split with
weight x luminosity, as in templates. Pseudo-data are the events of the validation split, each of
them drawn a number of times that is Poisson around |weight| x luminosity and that has the sign of
the weight. All estimates then see the same pseudo-data, and the sum of squared numbers of an event
is the variance around the true expectation: of drawing, and of the few events drawn from.
Collision data count each event once; without `unblind` those that must not be seen are in no file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import hist
import numpy as np
from numpy.typing import NDArray

from boostflow.config.background import Cut, Selection, Sideband
from boostflow.errors import BoostflowError
from boostflow.jobs.background import CountEvents
from boostflow.scored import (
    TEST,
    VALIDATION,
    Table,
    beside,
    read_jets,
    read_scores,
    require_weights,
    samples_of,
)
from boostflow.seeds import derive
from boostflow.templates.build import Histograms, in_range, in_region
from boostflow.templates.files import write

PLANE = 25
"""Bins of the ABCD plane on each axis."""
ABCD_REGIONS = ("A", "B", "C", "D")


@dataclass(frozen=True)
class Counted:
    """A region: the events inside all cuts, in bins of a column of the candidate jet."""

    name: str
    cuts: tuple[Selection, ...]
    variable: str
    bins: int
    range: Sequence[float]


class Events:
    """The events of one sample: columns of its candidate jets and of the second jets.

    Args:
        jets: selected jets with `event_id`, `pt` and `candidate`.
        scores: score columns of those jets by model.
        sample: its name, for messages.
    """

    def __init__(self, jets: Table, scores: Mapping[str, Table], sample: str) -> None:
        self.jets, self.scores, self.sample = jets, scores, sample
        candidate = jets["candidate"].astype(bool)
        self.leading = np.flatnonzero(candidate)
        others = np.flatnonzero(~candidate)
        others = others[np.lexsort((-jets["pt"][others], jets["event_id"][others]))]
        ids, first = np.unique(jets["event_id"][others], return_index=True)
        self.second = np.full(len(self.leading), -1)
        if len(ids):
            wanted = jets["event_id"][self.leading]
            place = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
            found = ids[place] == wanted
            self.second[found] = others[first[place[found]]]

    def column(self, name: str, model: str | None = None, jet: str = "leading") -> NDArray:
        """A column of one jet of each event, float64; NaN where there is no such jet.

        Raises:
            BoostflowError: there is no such model or column.
        """
        table = self.jets if model is None else self.scores.get(model, {})
        if name not in table:
            raise BoostflowError(
                f"background: {model or f'selected jets of {self.sample}'} has no column {name}; "
                f"there are {', '.join(table) or 'none'}"
            )
        values = table[name].astype(float)
        if jet == "leading":
            return values[self.leading]
        return np.where(self.second >= 0, values[self.second], np.nan)

    def of(self, cut: Cut) -> NDArray:
        """What a cut is made on."""
        return self.column(cut.column, cut.model, cut.jet)


def counted(job: CountEvents) -> list[Counted]:
    """The regions that the estimates of a job need."""
    config, templates = job.background, job.templates
    shape = (templates.variable, templates.bins, templates.range)
    result = []
    if config.abcd:
        x, y = config.abcd.x, config.abcd.y
        corners = (
            (x.signal, y.signal),
            (x.signal, y.control),
            (x.control, y.signal),
            (x.control, y.control),
        )
        for name, (one, other) in zip(ABCD_REGIONS, corners, strict=True):
            result.append(Counted(f"abcd_{name}", (_cut(x, one), _cut(y, other)), *shape))
    if config.sideband:
        block = config.sideband
        cuts = (block.within,) if block.within else ()
        result.append(Counted("sideband", cuts, block.variable, block.bins, block.range))
    for name, region in config.control.items():
        result.append(Counted(f"control_{name}", (region,), *shape))
    if config.composition:
        block = config.composition
        assert job.clusters is not None
        cut = Cut(model=block.model, column=job.clusters.column)
        for k in range(job.clusters.number):
            mine = (_cut(cut, [k - 0.5, k + 0.5]), *([block.within] if block.within else []))
            result.append(Counted(f"cluster_{k}", mine, block.variable, block.bins, block.range))
    return result


def _cut(cut: Cut, limits: Sequence[float]) -> Selection:
    return Selection(model=cut.model, column=cut.column, jet=cut.jet, range=list(limits))


def fill(
    events: Mapping[str, Events], weights: Mapping[str, NDArray], job: CountEvents
) -> Histograms:
    """Histograms by region and sample; `abcd_plane` is the flattened plane of the two variables.

    Of blinded collision data this leaves out region A, the clusters, the plane, and the events in
    the window of the sideband.

    Args:
        events: by sample.
        weights: of those events by sample; 0 for one that is not counted.
        job: the settings.

    Raises:
        BoostflowError: a column is missing, or a value or weight that counts is not finite.
    """
    config = job.background
    blind = job.source == "observed" and not job.unblind
    result: Histograms = {}
    for region in counted(job):
        if blind and (region.name == "abcd_A" or region.name.startswith("cluster_")):
            continue
        axis = hist.axis.Regular(region.bins, *region.range, name=region.variable, flow=False)
        for sample, table in events.items():
            inside = weights[sample] != 0
            for cut in region.cuts:
                inside = inside & in_region(cut, table.of(cut))
            if blind and config.sideband and region.name == "sideband":
                inside &= beside_window(table.column(region.variable), axis.edges, config.sideband)
            value, weight = table.column(region.variable)[inside], weights[sample][inside]
            if not (np.isfinite(value).all() and np.isfinite(weight).all()):
                raise BoostflowError(
                    f"background: {region.name}/{sample}: a jet has no finite {region.variable} or "
                    "weight"
                )
            shown = in_range(region.range, value)
            result[region.name, sample] = hist.Hist(axis, storage=hist.storage.Weight()).fill(
                value[shown], weight=weight[shown]
            )
    if config.abcd and not blind:
        axis = hist.axis.Regular(PLANE**2, 0, PLANE**2, name="cell", flow=False)
        for sample, table in events.items():
            cell = np.zeros(len(weights[sample]))
            for cut in (config.abcd.x, config.abcd.y):
                low, high = cut.hull()
                place = (table.of(cut) - low) / (high - low) * PLANE
                place = np.where(place == PLANE, PLANE - 1, np.floor(place))
                place = np.where((place >= 0) & (place < PLANE), place, np.nan)
                cell = PLANE * cell + place
            mine = np.isfinite(cell) & (weights[sample] != 0)
            result["abcd_plane", sample] = hist.Hist(axis, storage=hist.storage.Weight()).fill(
                cell[mine] + 0.5, weight=weights[sample][mine]
            )
    return result


def beside_window(values: NDArray, edges: NDArray, config: Sideband) -> NDArray[np.bool_]:
    """Tell which values are in no bin that touches the window."""
    low, high = config.window
    hidden = (edges[1:] > low) & (edges[:-1] < high)
    if not hidden.any():
        return np.ones(len(values), dtype=bool)
    return ~((values >= edges[:-1][hidden].min()) & (values < edges[1:][hidden].max()))


def drawn(weight: NDArray, seed: int) -> NDArray:
    """How often each event is in the pseudo-data: Poisson around |weight|, with its sign."""
    return np.sign(weight) * np.random.default_rng(seed).poisson(np.abs(weight))


def run(job: CountEvents, files: CountEvents.Files) -> None:
    """Write the histograms of one variation, or of the data.

    Args:
        job: the settings.
        files: selected jets, score tables, and the ROOT file to write.

    Raises:
        BoostflowError: see `fill`; or a file is missing or was not made for this selection.
    """
    config, templates, weighting = job.background, job.templates, job.weighting
    tables = {path.parent.name: (path, read_scores(path)) for path in files.scores}
    wanted = {"pt", "split", "candidate", "weight", templates.variable, *config.columns().values()}
    events, weights = {}, {}
    for sample, path in samples_of(files.jets).items():
        extra = [weighting.column] if weighting is not None and weighting.applies(sample) else []
        jets = read_jets(path, [*sorted(wanted), *extra])
        for column in extra:
            require_weights(path, column)
        mine = {
            model: beside(jets, table, sample, f"{where} and {path}")
            for model, (where, table) in tables.items()
        }
        events[sample] = Events(jets, mine, sample)
        lead = {name: column[events[sample].leading] for name, column in jets.items()}
        if job.source == "observed":
            weights[sample] = np.ones(len(lead["weight"]))
            continue
        weight = lead["weight"] * job.luminosity * (lead[extra[0]] if extra else 1.0)
        weight = np.where(
            lead["split"] == (TEST if job.source == "simulation" else VALIDATION), weight, 0
        )
        if job.source == "pseudo":
            weight = drawn(weight, derive(config.seed, "background", sample))
        weights[sample] = weight
    write(files.counts, fill(events, weights, job))
