"""Trees that coffea's schemas do not know: other names, flat trees, RNTuples, Delphes.

The branches are read with uproot and handed to `rows` as records with the names of NanoAOD.
"""

from __future__ import annotations

from typing import Any, Self

import awkward as ak
import numpy as np

from boostflow.config.weights import branch_column
from boostflow.errors import BadFile
from boostflow.ingest import delphes
from boostflow.ingest.branches import Branches
from boostflow.ingest.candidates import linked, weighted
from boostflow.ingest.reading import is_transient, options, unreadable
from boostflow.ingest.rows import Rows
from boostflow.ingest.truth import with_generator_jet
from boostflow.ingest.units import in_gev
from boostflow.ingest.vertices import in_jets
from boostflow.nanoaod import EVENT, IMPACT, LAYER_FIELDS, TRUTH, VERTICES
from boostflow.observables.catalogue import jet_fields

ROUNDING = 1e-6
"""Squares of masses below this times E^2 are rounding errors of float32 momenta."""

_LEPTONS, _HADRONS = (11, 13, 15), (211, 321, 2212)


class TreeReader:
    """Writes the rows of a chunk of one file; what executors call, with coffea's work items.

    Args:
        rows: what they are made with. Events without numbers get run 1, luminosity block
            `number` + 1 of the job, and their row in the file.
    """

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self._open: tuple[Any, Branches] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def __getstate__(self) -> dict[str, Any]:
        # Other processes open the file themselves.
        return self.__dict__ | {"_open": None}

    def __call__(self, item: Any) -> dict[str, Any]:
        """Write the chunk's rows; return its counts, by the name of the chunk."""
        start, stop = item.entrystart, item.entrystop
        filters = self.rows.filters
        names = self._names()
        read = self._read(item, names)
        found = in_gev(
            {ours: read[theirs] for ours, theirs in names.items()}, self.rows.job.content.units
        )
        try:
            events = self._events(found, start, stop)
            for name in (*filters.triggers, *filters.flags):
                events[name] = read[name]
            carried = self.rows.features.carried
            for name in (name for name, item in carried.items() if not item.per_jet):
                events[name] = read[name]
            jets = self._jets(found, read)
        except ValueError as error:
            # awkward's: collections of different lengths.
            raise BadFile(
                f"{self.rows.file}: branches do not fit together in events {start} to {stop} "
                f"({' '.join(str(error).split())[:160]})"
            ) from None
        if self.rows.features.generator_jets:
            generated = ak.zip({x: found[f"GenJetAK8_{x}"] for x in ("pt", "eta", "phi", "mass")})
            jets = with_generator_jet(jets, generated, self.rows.job.radius / 2)
        counts = self.rows.write(events, jets, start)
        return {counts["chunks"][0]: counts}

    def _names(self) -> dict[str, str]:
        """The branches that are needed: particles of the generator only to match jets to them."""
        names = self.rows.features.names
        if self.rows.job.match is None:
            return {ours: theirs for ours, theirs in names.items() if ours not in TRUTH}
        return names

    def _read(self, item: Any, names: dict[str, str]) -> dict[str, ak.Array]:
        """The chunk's branches, by their names in the file."""
        filters = self.rows.filters
        try:
            branches = self._branches(item)
            more = delphes.constituent_branches(branches) if "FatJet_references" in names else ()
            carried = self.rows.features.carried
            wanted = [*names.values(), *filters.triggers, *filters.flags, *carried, *more]
            return branches.read(list(dict.fromkeys(wanted)), item.entrystart, item.entrystop)
        # uproot raises many kinds of errors on broken bytes; all mean the same to the user.
        except Exception as error:
            self._close()
            if is_transient(error):
                raise
            raise unreadable(item.filename, error, "cannot be read to its end") from None

    def _branches(self, item: Any) -> Branches:
        """The tree's, which stays open: looking at a thousand branches takes a second."""
        import uproot

        if self._open is None:
            # Nothing is read twice.
            root = uproot.open({item.filename: None}, array_cache=None, **options(item.filename))
            try:
                self._open = root, Branches(root[item.treename])
            except BaseException:
                root.close()
                raise
        return self._open[1]

    def _close(self) -> None:
        if self._open is not None:
            self._open[0].close()
            self._open = None

    def _events(self, found: dict[str, ak.Array], start: int, stop: int) -> ak.Array:
        features = self.rows.features
        columns: dict[str, Any] = dict(
            zip(EVENT, (1, self.rows.job.number + 1, np.arange(start, stop)), strict=True)
        )
        for name in (*EVENT, "genWeight", features.rho, *features.embedded.values()):
            if name in found:
                columns[name] = self._number(found[name], features.names[name])
        columns |= {name: found[name] for name in features.weights}
        if features.met is not None:
            parts = {x: f"{features.met}_{x}" for x in ("pt", "phi")}
            columns[features.met] = ak.zip(
                {x: self._number(found[name], features.names[name]) for x, name in parts.items()}
            )
        fields = {x: found[x] for x in TRUTH if x in found}
        if fields:
            if "GenPart_statusFlags" not in found:
                fields["GenPart_statusFlags"] = delphes.status_flags(fields)
            columns["GenPart"] = ak.zip({x.split("_")[1]: y for x, y in fields.items()})
        full = {x: np.full(stop - start, y) if np.isscalar(y) else y for x, y in columns.items()}
        return ak.zip(full, depth_limit=1)

    def _number(self, values: ak.Array, name: str) -> ak.Array:
        """A value an event; of a list, as Delphes has, its first."""
        if values.ndim == 1:
            return values
        first = ak.firsts(values)
        if ak.any(ak.is_none(first)):
            raise BadFile(f"{self.rows.file}: {name} has no entry in some events")
        return ak.drop_none(first)

    def _jets(self, found: dict[str, ak.Array], read: dict[str, ak.Array]) -> ak.Array:
        """All fat jets, shape (events, jets)."""
        fields = _fields(found, "FatJet")
        if "references" in fields:
            fields |= delphes.substructure(fields)
        columns = four_vector(fields)
        kept = (*jet_fields(), "area", "rawFactor", "genJetAK8Idx", *LAYER_FIELDS)
        columns |= {name: fields[name] for name in kept if name in fields}
        carried = self.rows.features.carried
        columns |= {branch_column(x): read[x] for x, item in carried.items() if item.per_jet}
        depth = columns["pt"].ndim
        if depth == 1:
            # One jet an event.
            columns = {x: ak.unflatten(y, np.ones(len(y), dtype=int)) for x, y in columns.items()}
        jets = ak.zip(columns)
        if self.rows.features.vertices:
            vertices = ak.zip({name.removeprefix("SV_"): found[name] for name in VERTICES})
            inside = in_jets(jets, vertices, self.rows.job.radius)
            jets = ak.with_field(jets, inside, "vertices")
        if not self.rows.features.constituents:
            return jets
        number = ak.to_numpy(ak.num(jets, axis=1))
        if "references" in fields:
            candidates = delphes.constituents(fields["references"], read)
        else:
            candidates = self._candidates(found)
            if self.rows.features.linked:
                candidates = linked(
                    number,
                    found["FatJetPFCands_jetIdx"],
                    found["FatJetPFCands_pFCandsIdx"],
                    candidates,
                    self.rows.file,
                )
            elif depth == 1:
                candidates = ak.unflatten(candidates, np.ones(len(candidates), dtype=int))
        if ak.any(ak.num(candidates, axis=1) != number):
            raise BadFile(f"{self.rows.file}: lists of constituents and fat jets differ in number")
        return ak.with_field(jets, weighted(candidates), "candidates")

    def _candidates(self, found: dict[str, ak.Array]) -> ak.Array:
        fields = _fields(found, "PFCands")
        columns = four_vector(fields)
        columns |= {x: fields[x] for x in ("pdgId", "puppiWeight") if x in fields}
        if "charge" in fields:
            columns["charge"] = fields["charge"]
        elif "pdgId" in fields:
            columns["charge"] = charge(fields["pdgId"])
        if self.rows.features.tracks:
            columns |= {x: fields[x] for x in (name.partition("_")[2] for name in IMPACT)}
        return ak.zip(columns)


def four_vector(fields: dict[str, ak.Array]) -> dict[str, ak.Array]:
    """pt, eta, phi and mass (GeV) from what there is (`boostflow.nanoaod.VECTORS`)."""
    pt, eta, phi = (fields.get(name) for name in ("pt", "eta", "phi"))
    if pt is None or eta is None or phi is None:
        px, py, pz = (ak.values_astype(fields[name], "float64") for name in ("px", "py", "pz"))
        pt = np.hypot(px, py)
        # A direction along the beam has no eta; such a particle has no pT to speak of either.
        eta = np.arcsinh(pz / ak.where(pt > 0, pt, 1))
        phi = np.arctan2(py, px)
    mass = fields.get("mass")
    if mass is None and "energy" in fields:
        energy = ak.values_astype(fields["energy"], "float64")
        squared = energy**2 - (ak.values_astype(pt, "float64") * np.cosh(eta)) ** 2
        mass = np.sqrt(ak.where(squared > ROUNDING * energy**2, squared, 0))
    return {"pt": pt, "eta": eta, "phi": phi, "mass": 0 * pt if mass is None else mass}


def charge(pdg_id: ak.Array) -> ak.Array:
    """Charges of reconstructed particles by the PDG's numbers: of e, mu, tau, pi, K, p."""
    size = abs(pdg_id)
    charged = ak.zeros_like(pdg_id)
    for codes, sign in ((_LEPTONS, -1), (_HADRONS, 1)):
        for code in codes:
            charged = charged + sign * (size == code)
    return charged * ak.where(pdg_id < 0, -1, 1)


def _fields(found: dict[str, ak.Array], collection: str) -> dict[str, ak.Array]:
    prefix = f"{collection}_"
    return {x.removeprefix(prefix): y for x, y in found.items() if x.startswith(prefix)}
