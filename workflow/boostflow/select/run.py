"""Selection of one sample under one variation: shift, cut, split, weigh, and keep count."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from boostflow.config.chain import Select, Split
from boostflow.config.rounding import Rounded
from boostflow.config.weights import with_files
from boostflow.corrections import Corrections
from boostflow.errors import BoostflowError
from boostflow.io import (
    atomic,
    parquet_chunks,
    parquet_columns,
    parquet_options,
    read_json,
    write_json,
)
from boostflow.jobs import chain
from boostflow.scored import BAD_WEIGHTS
from boostflow.select.compressed import compressed
from boostflow.select.cuts import event_cuts, fatjet_cuts, one_after_another
from boostflow.select.dijet import dijet_mass
from boostflow.select.once import ONCE, event_starts, first_of_each
from boostflow.select.ordered import Ordered, columns, ordered
from boostflow.select.parts import read_parts
from boostflow.select.shifts import Shifter
from boostflow.select.split import split, split_of_bucket
from boostflow.select.tables import TableCuts, require_splits
from boostflow.select.theory import Relative
from boostflow.select.totals import PB_TO_INVERSE_FB, Totals, add_up, is_numbered
from boostflow.select.veto import CUT, VetoMap
from boostflow.select.weights import Weigher

log = logging.getLogger("select")

BLOCK, LIGHT = 20_000, 10
"""Jets at a time, and how many times as many without constituents."""
NO_JET = "no jet passes the selection"
WEIGHED = "weights"
"""Line of the cutflow: the candidates, times the declared weights."""
ALL_TEST = Split.model_construct(train=0, validation=0, test=100)


@dataclass
class Cutflow:
    """Events and sums of generator weights that are left after each cut, in order."""

    steps: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, events: float, sumw: float) -> None:
        """Count more events at a step."""
        step = self.steps.setdefault(name, [0, 0.0])
        step[0] += events
        step[1] += sumw

    def as_list(self, per_weight: float | None) -> list[dict[str, Any]]:
        """Cutflow as JSON data.

        Each step has its expected events per 1/fb; None where there is no cross-section.
        """
        return [
            {
                "name": name,
                "events": int(n),
                "sumw": float(w),
                "expected": None if per_weight is None else float(w * per_weight),
            }
            for name, (n, w) in self.steps.items()
        ]


def run(job: chain.Select, files: chain.Select.Files) -> None:
    """Select fat jets (docs/contracts.md, "select"). The parts are read block by block.

    Args:
        job: the settings.
        files: the list of the parts, the files of corrections, what is written.

    Raises:
        BoostflowError: parts that do not fit together, a split without events, a bad correction or
            weight.
    """
    tables, metas = read_parts(files.parts)
    sample, config, shift, output = job.sample, job.select, job.shift, files.table
    if job.independent:
        config = config.model_copy(update={"split": ALL_TEST})
    read = [read_json(path) for path in metas]
    totals = add_up(read, job.sumw)
    flow = Cutflow()
    for step in totals.cutflow:
        flow.add(step["name"], step["events"], step["sumw"])
    in_order = None
    if config.split.by is not None and not job.independent:
        beside = [table for path in files.others for table in read_parts(path)[0]]
        in_order = ordered([*tables, *beside], config.split)
    splits = in_order or partial(split, config=config.split)
    sums = _split_sums(totals, config.split, tables, in_order)
    scale = _split_scale(totals, config, job, sums)
    if not totals.data and totals.xsec is not None and totals.events and totals.sumw <= 0:
        raise BoostflowError(
            f"sample {sample}: the generator weights of its {totals.events} events add up to "
            f"{totals.sumw:g}: they cannot be normalised to a cross-section"
        )
    relative = Relative(totals.norms)
    # Collision data are what simulation is smeared to.
    moves = not totals.data and bool(shift or config.smearing or config.mass_smearing)
    jec = config.jec.name(sample, totals.data) if config.jec else None
    cuts = None
    if job.limits is not None:
        cuts = TableCuts(job.limits, None if totals.data else shift, files.corrections)
        moves, jec = False, None
    if (moves or jec) and files.corrections is None:
        raise BoostflowError(f"sample {sample}: its jets are to be moved, but no corrections given")
    opened = Corrections(files.corrections) if (moves or jec) and files.corrections else None
    unsmeared = config.model_copy(update={"smearing": None, "mass_smearing": None})
    shifter = Shifter(
        config if moves else unsmeared, shift if moves else None, opened, jec if opened else None
    )
    if config.veto is not None and files.veto is None:
        raise BoostflowError(f"sample {sample}: a jet veto map is wanted, but no file given")
    veto = VetoMap(config.veto, files.veto) if config.veto and files.veto else None
    weights = with_files(job.weights, files.weights)
    weigher = Weigher(sample, weights) if weights else None
    jets = np.zeros(3, dtype=int)
    seen: list[np.ndarray] = []
    leading: list[np.ndarray] = []
    once = _once(tables, totals, files.others, sample) if totals.numbered_data else None
    at = 0

    def chunks() -> Any:
        blocks = (
            (meta["file"], rows)
            for path, meta in zip(tables, read, strict=True)
            for rows in _blocks(path)
        )
        nonlocal at
        for file, rows in blocks:
            starts = event_starts(rows)
            if once is not None:
                first = once[at : at + len(starts)]
                at += len(starts)
                rows = rows[np.repeat(first, np.diff(np.append(starts, len(rows))))]
                flow.add(ONCE, first.sum(), first.sum())
                if not len(rows):
                    continue
            elif cuts is None:
                seen.append(ak.to_numpy(rows.event_id)[starts])
                leading.append(ak.to_numpy(rows.pt)[starts])
            if cuts is not None:
                chosen = cuts(rows, flow)
            else:
                passed = _select_part(rows, config, flow, shifter, veto, job.rounded)
                chosen = _with_candidate(passed)
            factor = None
            if weigher is not None:
                chosen, factor = weigher(chosen, file)
            rows = relative(_finish(chosen, splits, scale, factor), file)
            if factor is not None:
                used = ak.to_numpy(rows.candidate)
                weight = ak.to_numpy(rows.genWeight).astype(np.float64) * factor
                flow.add(WEIGHED, used.sum(), weight[used].sum())
            jets[:] += np.bincount(ak.to_numpy(rows.split), minlength=3)
            yield rows

    def checked() -> Any:
        yield from chunks()
        if seen and _repeated(np.concatenate(seen), np.concatenate(leading), sample):
            text = "different events have the same run, luminosity block and event number"
            log.warning("%s: %s", sample, text)
            totals.notes.append(text)

    _write(output, checked(), tables, relative.bad)
    if cuts is not None and job.trained and not job.independent:
        require_splits(sample, jets)
    if not jets.sum():
        totals.notes.append(NO_JET)
    whole = totals.xsec * PB_TO_INVERSE_FB / totals.sumw if totals.xsec and totals.sumw else None
    write_json(
        files.cutflow,
        {
            "sample": sample,
            "variation": job.variation,
            "data": totals.data,
            "xsec": totals.xsec,
            "cutflow": flow.as_list(whole),
            "jets": dict(zip(("train", "validation", "test"), jets.tolist(), strict=True)),
            "features": totals.features,
            "notes": totals.notes,
            "skipped": totals.skipped,
        },
    )
    if not jets.sum():
        log.warning("%s (%s): %s", sample, job.variation, NO_JET)
    log.info("%s (%s): %d of %d events, %d jets", sample, job.variation, *_ends(flow), jets.sum())


def _blocks(path: Path) -> Iterator[ak.Array]:
    """The rows of a part, whole events, as few at a time as keep the memory flat."""
    columns = list(dict.fromkeys([*parquet_columns(path), "entry"]))
    heavy = any(name.startswith("pf_") for name in columns)
    blocks = parquet_chunks(path, columns, BLOCK if heavy else LIGHT * BLOCK, together="entry")
    return (rows for rows in blocks if len(rows))


def _once(tables: list[Path], totals: Totals, others: list[Path], sample: str) -> NDArray[np.bool_]:
    """Which events of collision data count, in the order of the parts; a note says of the rest.

    Args:
        tables: of the parts.
        totals: of the sample; gets the note.
        others: lists of the parts of samples of collision data before this one.
        sample: for messages.
    """
    listed = [zip(*read_parts(path), strict=True) for path in others]
    before = [table for parts in listed for table, meta in parts if is_numbered(read_json(meta))]
    first, shared = first_of_each(tables, before)
    if again := len(first) - int(first.sum()):
        text = (
            f"{again} events with a fat jet are left out, for they count already (same run,"
            f" luminosity block and event number): {shared} in samples before this one,"
            f" {again - shared} in this one"
        )
        log.info("%s: %s", sample, text)
        totals.notes.append(text)
    return first


def _split_sums(
    totals: Totals, config: Split, tables: list[Path], in_order: Ordered | None
) -> NDArray[np.float64]:
    """Sums of weights of this sample in each split, shape (3,)."""
    if in_order is None or config.by is None:
        return np.bincount(split_of_bucket(config), totals.sumw_buckets, minlength=3)
    parts = (part for path in tables for part in columns(path, config.by))
    return sum((in_order.sums(ids, weight) for ids, _, weight in parts), np.zeros(3))


def _split_scale(
    totals: Totals, config: Select, job: chain.Select, sums: NDArray[np.float64]
) -> np.ndarray:
    """Factor from genWeight to expected events per 1/fb in each split, shape (3,)."""
    if totals.data or totals.xsec is None:
        return np.ones(3)
    parts = (config.split.train, config.split.validation, config.split.test)
    for name, part, total in zip(("train", "validation", "test"), parts, sums, strict=True):
        needed = part and (job.trained or name != "train")
        if needed and total <= 0 and totals.sumw > 0:
            raise BoostflowError(
                f"sample {job.sample}: no events (or a negative sum of weights) in the {name} "
                "split; it needs more events"
            )
    with np.errstate(divide="ignore"):
        return np.where(sums > 0, totals.xsec * PB_TO_INVERSE_FB / sums, 0.0)


def _select_part(
    rows: ak.Array,
    config: Select,
    flow: Cutflow,
    shifter: Shifter,
    veto: VetoMap | None,
    columns: Mapping[str, Rounded],
) -> ak.Array:
    """The rows that pass."""
    starts = event_starts(rows)
    rows = compressed(shifter(rows, starts), columns)
    n = len(rows)
    weight = ak.to_numpy(rows.genWeight).astype(np.float64)[starts]
    jets = fatjet_cuts(rows, config.fatjet)
    if veto is not None:
        jets[CUT] = veto(rows, starts)
    for name, good in one_after_another(jets).items():
        passing = np.add.reduceat(good.astype(int), starts)
        left = passing >= max(config.event.fatjets_min, 1)
        flow.add(name, left.sum(), weight[left].sum())
    n_good = np.add.reduceat(good.astype(int), starts)
    leading_pt = np.maximum.reduceat(np.where(good, ak.to_numpy(rows.pt), 0), starts)
    mjj = dijet_mass(rows, good, starts)
    rows = ak.with_field(rows, np.repeat(mjj, np.diff(np.append(starts, n))), "mjj")
    events = event_cuts(
        n_good,
        leading_pt,
        mjj,
        ak.to_numpy(rows.ht)[starts],
        ak.to_numpy(rows.met_pt)[starts],
        config.event,
    )
    for i, (name, passed) in enumerate(one_after_another(events).items()):
        left = passed & (n_good > 0)
        if i or config.event.fatjets_min > 1:
            flow.add(name, left.sum(), weight[left].sum())
    kept = np.repeat(passed, np.diff(np.append(starts, n)))
    return rows[good & kept]


def _repeated(ids: np.ndarray, leading: np.ndarray, sample: str) -> bool:
    """Whether events of the same number, but different content, are there.

    Args:
        ids: of all events, shape (events,).
        leading: pT of their first jet, by which copies are told from events that a generator has
            numbered alike.
        sample: for messages.

    Raises:
        BoostflowError: an event is there twice.
    """
    n = len(ids)
    ordered = np.sort(ids)  # takes less memory than a set
    if not (ordered[1:] == ordered[:-1]).any():
        return False
    both = np.zeros(n, dtype=[("id", ids.dtype), ("pt", leading.dtype)])
    both["id"], both["pt"] = ids, leading
    if copies := n - len(np.unique(both)):
        raise BoostflowError(
            f"sample {sample}: {copies} events are in its files twice (same run, luminosity block "
            "and event number, same jet): take the copies out of `files`"
        )
    return True


def _finish(
    rows: ak.Array,
    splits: Callable[[NDArray[np.uint64]], NDArray[np.int8]],
    scale: np.ndarray,
    factor: np.ndarray | None,
) -> ak.Array:
    """Add split and weight; `factor` is the product of declared weights."""
    part = splits(ak.to_numpy(rows.event_id))
    rows = ak.with_field(rows, part, "split")
    weight = ak.to_numpy(rows.genWeight).astype(np.float64) * scale[part]
    return ak.with_field(rows, weight if factor is None else weight * factor, "weight")


def _with_candidate(rows: ak.Array) -> ak.Array:
    """Mark the jet of each event that enters templates."""
    starts = event_starts(rows)
    candidate = np.zeros(len(rows), dtype=bool)
    if len(starts):
        # The leading jet, by the pT of this variation: a shift may change the order.
        pt = ak.to_numpy(rows.pt)
        event = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(rows))))
        order = np.lexsort((-pt, event))
        candidate[order[starts]] = True
    return ak.with_field(rows, candidate, "candidate")


def _write(output: Path, chunks: Any, like: Sequence[Path], bad: dict[str, str]) -> None:
    """Stream row groups into one Parquet file; without any, an empty table of the same columns.

    Parts without events have no columns, so that they are those of the part with most. What is
    wrong with theory weights, by column, goes into the file's metadata.
    """
    import pyarrow.parquet as pq

    with atomic(output) as part:
        writer = None
        for rows in chunks:
            table = ak.to_arrow_table(rows, list_to32=True)
            if writer is None:
                writer = pq.ParquetWriter(part, table.schema, **parquet_options(table.schema))
            writer.write_table(table.select(writer.schema.names).cast(writer.schema))
        if writer is None:
            pq.write_table(max(map(pq.read_schema, like), key=len).empty_table(), part)
        else:
            writer.add_key_value_metadata({BAD_WEIGHTS: json.dumps(bad)})
            writer.close()


def _ends(flow: Cutflow) -> tuple[int, int]:
    steps = list(flow.steps.values())
    return int(steps[-1][0]), int(steps[0][0])
