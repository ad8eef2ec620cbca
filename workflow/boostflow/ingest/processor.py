"""The coffea processor: hands the fat jets of NanoAOD-like events to `rows`."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
from coffea import processor
from coffea.nanoevents import NanoAODSchema, PFNanoAODSchema

from boostflow.errors import BadFile
from boostflow.ingest.rows import Rows
from boostflow.ingest.truth import with_generator_jet


class Uncounted(NanoAODSchema):
    """Real files have many collections; references that boostflow does not use may dangle."""

    warn_missing_crossrefs = False


class Counted(PFNanoAODSchema):
    """The same with constituents, whose number is known for each jet."""

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
        if self.rows.features.generator_jets:
            jets = with_generator_jet(jets, events.GenJetAK8, self.rows.radius / 2)
        counts = self.rows.write(events, jets, events.metadata["entrystart"])
        return {counts["chunks"][0]: counts}

    def postprocess(self, accumulator: dict[str, Any]) -> dict[str, Any]:
        """Nothing is left to do."""
        return accumulator

    def _constituents(self, events: ak.Array) -> ak.Array:
        """Particle-flow candidates of each fat jet, shape (events, jets, candidates)."""
        link = events.FatJetPFCands
        for index, owner in ((link.pFCandsIdx, "PFCands"), (link.jetIdx, "FatJet")):
            low = 0 if owner == "PFCands" else -1  # of candidates outside of all jets
            if not ak.all((index >= low) & (index < ak.num(events[owner].pt)), axis=None):
                raise BadFile(
                    f"{self.rows.file}: FatJetPFCands name {owner} that are not there; the file is "
                    "damaged"
                )
        if self.rows.features.counted:
            told = ak.sum(events.FatJet.nConstituents, axis=1)
            if not ak.all(told == ak.num(link.jetIdx)):
                raise BadFile(
                    f"{self.rows.file}: the sum of FatJet_nConstituents is not the number of "
                    "FatJetPFCands in some events: jets would get the constituents of others"
                )
            return ak.drop_none(events.FatJet.constituents.pf, axis=2)
        link = link[link.jetIdx >= 0]
        link = link[ak.argsort(link.jetIdx, axis=1, stable=True)]
        here = ak.local_index(events.FatJet.pt, axis=1)
        counts = ak.sum(here[:, :, np.newaxis] == link.jetIdx[:, np.newaxis, :], axis=2)
        return ak.unflatten(events.PFCands[link.pFCandsIdx], ak.flatten(counts), axis=1)
