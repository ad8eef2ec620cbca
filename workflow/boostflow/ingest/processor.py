"""The coffea processor: hands the fat jets of NanoAOD-like events to `rows`."""

from __future__ import annotations

from typing import Any

import awkward as ak
from coffea import processor
from coffea.nanoevents import NanoAODSchema

from boostflow.config.weights import branch_column
from boostflow.ingest.candidates import linked, weighted
from boostflow.ingest.rows import Rows
from boostflow.ingest.truth import with_generator_jet
from boostflow.ingest.vertices import in_jets
from boostflow.nanoaod import IMPACT, VERTICES

PARTICLE, WEIGHT = ("pt", "eta", "phi", "mass", "charge", "pdgId"), ("puppiWeight",)
"""Fields of constituents, and those that may lack."""


class Schema(NanoAODSchema):
    """Real files have many collections; references that boostflow does not use may dangle."""

    warn_missing_crossrefs = False


class FatJetProcessor(processor.ProcessorABC):
    """Writes the rows of each chunk of one file.

    Args:
        rows: what they are made with.
    """

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    def process(self, events: ak.Array) -> dict[str, Any]:
        """Write the chunk's rows; return its counts, by the name of the chunk."""
        jets = events.FatJet
        if self.rows.features.constituents:
            jets = ak.with_field(jets, self._constituents(events), "candidates")
        if self.rows.features.vertices:
            fields = [name.removeprefix("SV_") for name in VERTICES]
            vertices = ak.zip({name: events.SV[name] for name in fields})
            found = in_jets(events.FatJet, vertices, self.rows.job.radius)
            jets = ak.with_field(jets, found, "vertices")
        if self.rows.features.generator_jets:
            jets = with_generator_jet(jets, events.GenJetAK8, self.rows.job.radius / 2)
        for name, item in self.rows.features.carried.items():
            if item.per_jet:
                values = events.FatJet[name.removeprefix("FatJet_")]
                jets = ak.with_field(jets, values, branch_column(name))
        counts = self.rows.write(events, jets, events.metadata["entrystart"])
        return {counts["chunks"][0]: counts}

    def postprocess(self, accumulator: dict[str, Any]) -> dict[str, Any]:
        """Nothing is left to do."""
        return accumulator

    def _constituents(self, events: ak.Array) -> ak.Array:
        """Particle-flow candidates of each fat jet, shape (events, jets, candidates)."""
        names = [*PARTICLE, *(x for x in WEIGHT if f"PFCands_{x}" in self.rows.features.names)]
        if self.rows.features.tracks:
            names += [name.removeprefix("PFCands_") for name in IMPACT]
        candidates = ak.zip({name: events.PFCands[name] for name in names})
        link = events.FatJetPFCands
        number = ak.to_numpy(ak.num(events.FatJet.pt, axis=1))
        return weighted(linked(number, link.jetIdx, link.pFCandsIdx, candidates, self.rows.file))
