"""What the ingested parts of a sample add up to: sums of weights, cross-section, cutflow, notes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from boostflow.errors import BoostflowError
from boostflow.ingest.eventid import BUCKETS
from boostflow.ingest.features import content, mixed_met
from boostflow.ingest.partly import in_some_files
from boostflow.ingest.produced import BEFORE_SKIM
from boostflow.ingest.skipped import consequence
from boostflow.ingest.sums import is_final, is_scaled
from boostflow.select.theory import norms
from boostflow.theory import WEIGHTS

PB_TO_INVERSE_FB = 1000.0


@dataclass
class Totals:
    """What the parts of a sample add up to."""

    events: int
    sumw: float
    sumw_buckets: np.ndarray
    norms: dict[str, float]
    """What each column of theory weights is divided by."""
    xsec: float | None
    cutflow: list[dict[str, Any]]
    data: bool
    numbered_data: bool
    """Whether it is collision data whose events have numbers of their own."""
    features: dict[str, bool]
    notes: list[str]
    skipped: list[dict[str, str]]
    """Files that were left out, and why."""


def add_up(metas: list[dict[str, Any]], made: float | None = None) -> Totals:
    """Add up the parts; cross-sections are averaged with the number of events as weight.

    Args:
        metas: what is known of the parts.
        made: the sum of weights of all generated events that the sample says for all of its files.

    Raises:
        BoostflowError: some parts have a feature or a cross-section that others lack, or were made
            by an earlier version.
    """
    read = [meta for meta in metas if meta.get("skipped") is None]
    filled = [meta for meta in read if meta["events"]] or read[:1]
    if not filled:
        raise BoostflowError(f"{metas[0]['file']}: was skipped, as all files of its sample")
    for meta in metas:
        if "sumw_weights_before" not in meta:
            raise BoostflowError(
                f"{meta['file']}: was read by an earlier version of boostflow, whose theory "
                "weights may be wrong: read it again (--forcerun ingest)"
            )
        if meta["events"] and content(meta["features"]) != content(filled[0]["features"]):
            raise BoostflowError(
                f"{meta['file']}: has other branches than {filled[0]['file']}; "
                "put files of different content into samples of their own"
            )
    if mixed := mixed_met([(meta["file"], meta.get("met")) for meta in filled]):
        raise BoostflowError(mixed)
    known = [meta for meta in filled if meta["xsec"] is not None]
    if known and len(known) < len(filled):
        raise BoostflowError("only some files of the sample have a cross-section; set `xsec`")
    events = sum(meta["events"] for meta in known)
    sumw = sum(meta["sumw"] for meta in metas)
    xsec = sum(meta["xsec"] * meta["events"] for meta in known) / events if events else None
    if final := filled[0].get("normalised_to"):
        xsec = sumw / (PB_TO_INVERSE_FB * final)
    steps: dict[str, list[float]] = {}
    first = BEFORE_SKIM if any(meta.get("skim") for meta in metas) else "all"
    for meta in metas:
        for i, step in enumerate(meta["cutflow"]):
            total = steps.setdefault(step["name"] if i else first, [0, 0.0])
            total[0] += step["events"]
            total[1] += step["sumw"]
    features = filled[0]["features"]
    scales = _skim_scales(metas)
    weighted = [(scales.get(m["file"], 1.0), m) for m in metas]
    files = {meta["file"] for meta in metas}
    skipped = {m["file"]: m["skipped"] for m in metas if m.get("skipped") is not None}
    # Of one file among others, "the file has no events" would be said of the sample.
    empty = {m["file"] for m in read} - {m["file"] for m in read if m["events"]}
    told = [meta for meta in read if len(files) == 1 or meta["file"] not in empty]
    notes = {note for meta in told for note in meta["notes"]}
    if empty and len(files) > 1:
        notes.add(f"{len(empty)} of {len(files)} files have no events")
    if bad := sum(meta.get("bad_events", 0) for meta in metas):
        first = next(meta["first_bad"] for meta in metas if meta.get("first_bad"))
        notes.add(f"{bad} bad events are left out (`on_bad_event: drop`); the first one: {first}")
    notes |= _bad_weights(read)
    notes |= set(
        in_some_files(
            {
                meta["file"]: [branch for branch in WEIGHTS if meta["features"].get(branch)]
                for meta in read
                if meta["events"]
            }
        )
    )
    if skipped:
        fixed = "normalised_to" if final else None if made is None else "before_skim.sumw"
        notes.add(consequence(len(skipped), len(files), filled[0]["data"], fixed))
    if final:
        notes.add(is_final(final))
    totals = Totals(
        events=sum(meta["events"] for meta in metas),
        sumw=sumw,
        sumw_buckets=np.sum(
            [
                np.full(BUCKETS, meta["sumw"] / BUCKETS)
                if scale is None
                else scale * np.array(meta["sumw_buckets"])
                for scale, meta in weighted
            ],
            axis=0,
        ),
        norms=norms(weighted),
        xsec=xsec,
        cutflow=[{"name": k, "events": v[0], "sumw": v[1]} for k, v in steps.items()],
        data=filled[0]["data"],
        numbered_data=all(map(is_numbered, filled)),
        features=features,
        notes=sorted(notes),
        skipped=[{"file": file, "reason": reason} for file, reason in skipped.items()],
    )
    if made is not None:
        _scale_to(totals, made)
    return totals


def _scale_to(totals: Totals, sumw: float) -> None:
    """Let the events of a sample stand for all that were generated, of this sum of weights."""
    if totals.sumw > sumw * (1 + 1e-6):
        totals.notes.append(
            f"the weights of the events in its files add up to {totals.sumw:g}, more than the"
            f" {sumw:g} that `before_skim` says of all that were generated"
        )
    if totals.sumw > 0:
        totals.sumw_buckets = totals.sumw_buckets * (sumw / totals.sumw)
    totals.sumw = sumw
    totals.cutflow[0] |= {"name": BEFORE_SKIM, "sumw": sumw}
    totals.notes.append(is_scaled(sumw))


def _bad_weights(metas: list[dict[str, Any]]) -> set[str]:
    """Sentences on theory weights that some events lack."""
    found: dict[str, list[int]] = {}
    for meta in metas:
        for branch, number in meta["bad_weights"].items():
            if number:
                found.setdefault(branch, []).append(number)
    return {
        f"{branch}: {sum(numbers)} events of {len(numbers)} files have NaN in it, or not all of its"
        " entries: a systematic that uses them is refused"
        for branch, numbers in found.items()
    }


def _skim_scales(metas: list[dict[str, Any]]) -> dict[str, float | None]:
    """By skimmed file: from the sum of weights of its events to that of all before the skim.

    None where the events that are left have no positive sum, which could be scaled.
    """
    sums: dict[str, list[float]] = {}
    for meta in metas:
        if meta.get("skim"):
            total = sums.setdefault(meta["file"], [0.0, 0.0])
            total[0] += meta["sumw"]
            total[1] += sum(meta["sumw_buckets"])
    return {file: made / left if left > 0 else None for file, (made, left) in sums.items()}


def is_numbered(meta: dict[str, Any]) -> bool:
    """Whether a part is of collision data whose events have numbers of their own."""
    return bool(meta["data"] and meta.get("numbered"))
