"""Rows of the ingest table, made of chunks of events with fat jets, whatever these were read from.

Each chunk is written to an Arrow file at once, and only its counts travel on, so memory is bounded
by the size of a chunk.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pyarrow
from pyarrow import ipc

from boostflow.config.weights import branch_column
from boostflow.ingest import theory
from boostflow.ingest.badevents import SOUND, BadEvents, without
from boostflow.ingest.constituents import vary
from boostflow.ingest.eventid import BUCKETS, bucket, event_id
from boostflow.ingest.features import Features
from boostflow.ingest.filters import Filters, value
from boostflow.ingest.truth import matched
from boostflow.jobs.chain import Ingest
from boostflow.nanoaod import IMPACT, LAYER_FIELDS, LAYERS, VERTICES
from boostflow.observables.catalogue import KINEMATICS, available, ingested
from boostflow.observables.compute import compute
from boostflow.observables.declare import Unit

HAS_FATJET = "has fat jet"
NO_FILTERS = Filters()


@dataclass(frozen=True)
class Rows:
    """Loose preselection, observables, labels and weights of the events of one file."""

    file: str
    """Path of the file, for messages."""
    job: Ingest
    """Cuts, class and radius of the jets; constituents are varied only where the features say
    `charges`."""
    features: Features
    """What the file has."""
    scratch: Path
    """Folder for the file of each chunk; absolute, as workers may run elsewhere."""
    filters: Filters = NO_FILTERS
    """What events must pass; sums of weights are those of all events."""

    def write(
        self, events: ak.Array, fatjets: ak.Array, start: int, entry: np.ndarray | None = None
    ) -> dict[str, Any]:
        """Write the rows of a chunk; return its counts.

        Args:
            events: records with `run`, `luminosityBlock`, `event` and what the features say:
                `genWeight`, relative weights, MET, `GenPart`, `label`; the filters' branches, and
                those that are kept for weights of events.
            fatjets: one list an event of all fat jets in the file, with `pt`, `eta`, `phi`, `mass`
                (GeV) and, if there are constituents, `candidates` (`pt`, `eta`, `phi`, `mass`,
                perhaps `charge` and `pdgId`, with tracks impact parameters) and `vertices`; what is
                kept for weights of jets in columns by `boostflow.config.weights.branch_column`.
            start: number of events in the file before these.
            entry: (events) their positions in the file; None where they follow each other.

        Raises:
            BadFile: values that no event can have, such as NaN.
        """
        n = len(events)
        weight = (
            np.asarray(events.genWeight, dtype=np.float64)
            if self.features.gen_weight
            else np.ones(n)
        )
        ids = event_id(events.run, events.luminosityBlock, events.event)
        relative = theory.relative(self.features, events)
        if entry is None:
            entry = np.arange(start, start + n)
        job = self.job
        drop = job.ingest.on_bad_event == "drop"
        bad = BadEvents(self.file, entry, drop=drop, energy=job.energy)
        # Of all events and jets: NaN passes no cut, and would be lost without a word.
        bad.finite("genWeight", weight)
        for name, item in self.features.carried.items():
            values = fatjets[branch_column(name)] if item.per_jet else value(events, name)
            bad.kept(name, item, values)
        bad.momenta("", fatjets)
        varies = job.vary is not None and self.features.charges
        if varies:
            bad.momenta("PFCands ", fatjets.candidates)
        fatjets = without(fatjets, bad.mask)
        gain = np.zeros((2, n))
        if varies:
            assert job.vary is not None
            fatjets, gain = vary(fatjets, ids, job.vary, job.ingest.soft_drop_zcut, job.radius)
        passed = np.ones(n, dtype=bool)
        steps = []
        for name, mask in zip(self.filters.steps(), self.filters.masks(events), strict=True):
            passed = passed & mask
            steps.append((name, passed))
        jets = self._preselected(fatjets, passed)
        met = self._met(events, gain)
        self._find_bad(bad, events, jets, met)
        jets = without(jets, bad.mask)
        good = ~bad.mask
        steps = [(name, mask & good) for name, mask in ([(SOUND, good)] if drop else []) + steps]
        weight = np.where(good, weight, 0)
        relative = {name: np.where(good, values, 0) for name, values in relative.items()}
        has_jet = np.asarray(ak.num(jets, axis=1) > 0) if n else np.zeros(0, dtype=bool)
        rows = self._rows(events, jets, ids, entry, weight, relative, met)
        path = self.scratch / f"{start:012d}.arrow"
        table = ak.to_arrow_table(rows, list_to32=True)
        try:
            # `feather` would import pandas.
            with pyarrow.OSFile(str(path), "wb") as file, ipc.new_file(file, table.schema) as chunk:
                chunk.write_table(table)
        except OSError:
            path.unlink(missing_ok=True)  # or a full disk has no room for the message
            raise
        return {
            "chunks": [path.name],
            "events": n,
            "bad_events": int(bad.mask.sum()),
            "first_bad": [bad.first] if bad.first is not None else [],
            "rows": len(rows),
            "bare": int(ak.sum(ak.num(rows.pf_pt) == 0)) if self.features.constituents else 0,
            "sumw": float(weight.sum()),
            "sumw2": float((weight**2).sum()),
            "sumw_buckets": np.bincount(bucket(ids), weight, minlength=BUCKETS),
            "sumw_weights": {
                name: float((weight * np.where(np.isfinite(values), values, 0)).sum())
                for name, values in relative.items()
            },
            "bad_weights": theory.bad_events(self.features, relative),
            "cutflow": {
                name: {"events": int(mask.sum()), "sumw": float(weight[mask].sum())}
                for name, mask in (*steps, (HAS_FATJET, has_jet))
            },
        }

    def _preselected(self, jets: ak.Array, passed: np.ndarray) -> ak.Array:
        """The loose preselection, by falling pT; each jet with its position in the file's event."""
        jets = ak.with_field(jets, ak.local_index(jets.pt, axis=1), "position")
        keep = (
            (jets.pt > self.job.ingest.fatjet_pt_min)
            & (abs(jets.eta) < self.job.ingest.fatjet_abs_eta_max)
            & passed
        )
        jets = jets[keep]
        return jets[ak.argsort(jets.pt, axis=1, ascending=False, stable=True)]

    def _rows(
        self,
        events: ak.Array,
        jets: ak.Array,
        ids: np.ndarray,
        entry: np.ndarray,
        weight: np.ndarray,
        relative: dict[str, np.ndarray],
        met: dict[str, np.ndarray],
    ) -> ak.Array:
        count = ak.to_numpy(ak.num(jets, axis=1))

        def repeat(values: Any, dtype: str) -> np.ndarray:
            return np.repeat(ak.to_numpy(values).astype(dtype), count)

        flat = ak.flatten(jets, axis=1)
        columns: dict[str, Any] = {
            "run": repeat(events.run, "uint32"),
            "luminosityBlock": repeat(events.luminosityBlock, "uint32"),
            "event": repeat(events.event, "uint64"),
            "event_id": np.repeat(ids, count),
            "entry": repeat(entry, "int64"),
            "jet_index": ak.to_numpy(flat.position).astype("int16"),
        }
        for name in KINEMATICS:
            columns[name] = _float32(flat[name])
        for name in ("gen_pt", "gen_mass", "area"):
            if name in flat.fields:
                columns[name] = _float32(flat[name])
        if "rawFactor" in flat.fields:
            columns["raw_factor"] = _float32(flat.rawFactor)
        for name, branch in zip(LAYERS, LAYER_FIELDS, strict=True):
            if branch in flat.fields:
                columns[name] = _float32(flat[branch])
        columns |= self._observables(flat)
        if self.job.label is not None:
            columns["label"] = self._labels(events, jets)
        elif self.features.classes:
            columns["label"] = ak.Array(np.repeat(ak.to_numpy(events.label), count))
        if self.features.rho:
            columns["rho"] = repeat(value(events, self.features.rho), "float32")
        for column, branch in self.features.embedded.items():
            columns[column] = repeat(value(events, branch), "float32")
        columns |= {name: repeat(values, "float32") for name, values in met.items()}
        columns["ht"] = repeat(ak.sum(jets.pt, axis=1), "float32")
        columns["genWeight"] = np.repeat(weight.astype("float32"), count)
        for name, values in relative.items():
            columns[name] = np.repeat(values.astype("float32"), count)
        for name, item in self.features.carried.items():
            column = branch_column(name)
            columns[column] = (
                ak.to_numpy(flat[column]).astype("float64")
                if item.per_jet
                else repeat(value(events, name), "float64")
            )
        return ak.zip(columns, depth_limit=1)

    def _met(self, events: ak.Array, gain: np.ndarray) -> dict[str, np.ndarray]:
        """Missing momentum after the jets gained (px, py), shape (2, events); 0 without any."""
        if self.features.met is None:
            return {"met_pt": np.zeros(len(events)), "met_phi": np.zeros(len(events))}
        met = events[self.features.met]
        pt, phi = ak.to_numpy(met.pt), ak.to_numpy(met.phi)
        px, py = pt * np.cos(phi, dtype="f8") - gain[0], pt * np.sin(phi, dtype="f8") - gain[1]
        moved = (gain != 0).any(axis=0)
        return {
            "met_pt": np.where(moved, np.hypot(px, py), pt),
            "met_phi": np.where(moved, np.arctan2(py, px), phi),
        }

    def _find_bad(
        self, bad: BadEvents, events: ak.Array, jets: ak.Array, met: dict[str, np.ndarray]
    ) -> None:
        """Look at what is read of events with jets that are kept, and of those jets."""
        used = ak.to_numpy(ak.num(jets, axis=1)) > 0
        for name, values in met.items():
            bad.finite(name, values, used)
        bad.negative("met_pt", met["met_pt"], (met["met_pt"] < 0) & used)
        for branch in filter(None, (self.features.rho, *self.features.embedded.values())):
            bad.finite(branch, value(events, branch), used)
        for name in ("area", "rawFactor", *LAYER_FIELDS):
            if name in jets.fields:
                bad.finite(name, jets[name])
        if self.features.constituents:
            bad.momenta("PFCands ", jets.candidates)
        for name in IMPACT if self.features.tracks else ():
            bad.finite(name, jets.candidates[name.removeprefix("PFCands_")])
        for name in VERTICES if self.features.vertices else ():
            bad.finite(name, jets.vertices[name.removeprefix("SV_")])
        for one in ingested():
            if one.branch in jets.fields and (one.calibrated or not self.features.constituents):
                bad.finite(one.name, jets[one.branch])
                if one.unit is Unit.GEV:
                    bad.possible(one.name, jets[one.branch])

    def _observables(self, flat: ak.Array) -> dict[str, Any]:
        """What can be had: from constituents, else what the file's jets bring along."""
        columns: dict[str, Any] = {}
        if self.features.constituents:
            pf = flat.candidates
            pf = pf[ak.argsort(pf.pt, axis=1, ascending=False, stable=True)]
            typed = "charge" in pf.fields
            impact = [x.removeprefix("PFCands_") for x in IMPACT] if self.features.tracks else []
            vertices = self._vertices(flat)
            there = available(
                (),
                constituents=True,
                charges=typed,
                tracks=self.features.tracks,
                vertices=self.features.vertices,
            )
            columns |= compute(
                pf.pt,
                pf.eta,
                pf.phi,
                pf.mass,
                pf.charge if typed else None,
                impact={name: pf[name] for name in impact} or None,
                vertices=vertices or None,
                names=[one.name for one in ingested() if one.name in there],
                zcut=self.job.ingest.soft_drop_zcut,
                beta=self.job.ingest.nsubjettiness_beta,
                radius=self.job.radius,
            )
            for name in KINEMATICS:
                columns[f"pf_{name}"] = ak.values_astype(pf[name], "float32")
            for name in impact:
                columns[f"pf_{name}"] = ak.values_astype(pf[name], "float32")
            for name, values in vertices.items():
                kind = "int16" if name == "ntracks" else "float32"
                columns[f"sv_{name}"] = ak.values_astype(values, kind)
            if typed:
                columns["pf_charge"] = ak.values_astype(pf.charge, "int8")
            if "pdgId" in pf.fields:
                columns["pf_pdgId"] = ak.values_astype(pf.pdgId, "int32")
        else:
            for one in ingested():
                if one.branch in flat.fields and not one.calibrated:
                    columns[one.name] = _float32(flat[one.branch])
                elif one.ratio is not None and columns.keys() >= set(one.ratio):
                    columns[one.name] = _ratio(*(columns[name] for name in one.ratio))
        # The file's own values are calibrated where the experiment calibrated them.
        for one in ingested():
            if one.branch in flat.fields and one.calibrated:
                columns[one.name] = _float32(flat[one.branch])
        return columns

    def _vertices(self, flat: ak.Array) -> dict[str, ak.Array]:
        """Fields of the jets' vertices by falling significance of their distance, if any."""
        if not self.features.vertices:
            return {}
        order = ak.argsort(flat.vertices.dlenSig, axis=1, ascending=False, stable=True)
        names = [name.removeprefix("SV_") for name in VERTICES]
        return {name: flat.vertices[name][order] for name in names}

    def _labels(self, events: ak.Array, jets: ak.Array) -> np.ndarray:
        total = int(ak.sum(ak.num(jets, axis=1)))
        if self.job.match is None:
            return _named([self.job.label], np.zeros(total, dtype=int))
        good = matched(jets, events.GenPart, self.job.match, self.job.radius)
        flat = ak.to_numpy(ak.flatten(good, axis=1)).astype(int)
        return _named(["unmatched", self.job.label], flat)


def _named(names: list[str], which: np.ndarray) -> ak.Array:
    """Strings by their position in a list; far faster than numpy's."""
    return ak.Array(names)[which]


def _ratio(high: np.ndarray, low: np.ndarray) -> np.ndarray:
    """`high / low` of float32, and 0 where there is nothing to divide by."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = high / low
    return np.where(low > 0, ratio, np.float32(0))


def _float32(values: Any) -> np.ndarray:
    return ak.to_numpy(values).astype("float32")
