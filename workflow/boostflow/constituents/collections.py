"""What networks may read of a jet: its constituents, its tracks, or its secondary vertices.

Read when a run is planned: the standard library alone; formulas are methods of
`particles.Particles`, which holds whatever the collection is of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from boostflow.constituents.catalogue import FEATURES, JET, MOMENTA, Feature

if TYPE_CHECKING:
    import awkward as ak

    Columns = Mapping[str, ak.Array]

CollectionName = Literal["constituents", "tracks", "vertices"]

TRACK_FEATURES = {
    feature.name: feature
    for feature in (
        Feature(
            "sip", r"arsinh signed $d_0 / \sigma$", lambda p: p.arsinh(p.sip), ("pf_d0", "pf_d0Err")
        ),
        Feature(
            "siz",
            r"arsinh $d_z / \sigma$",
            lambda p: p.arsinh(p.column("dz") / p.column("dzErr")),
            ("pf_dz", "pf_dzErr"),
        ),
        Feature(
            "log_d0_error",
            r"$\ln(\sigma_{d_0} / \mathrm{cm})$",
            lambda p: p.log(p.column("d0Err")),
            ("pf_d0Err",),
        ),
        Feature(
            "log_dz_error",
            r"$\ln(\sigma_{d_z} / \mathrm{cm})$",
            lambda p: p.log(p.column("dzErr")),
            ("pf_dzErr",),
        ),
    )
}
"""Features of a track besides those of a constituent."""

VERTEX_FEATURES = {
    feature.name: feature
    for feature in (
        Feature("vertex_mass", "Vertex mass [GeV]", lambda p: p.column("mass")),
        Feature(
            "log_dlen", r"$\ln(L / \mathrm{cm})$", lambda p: p.log(p.column("dlen")), ("sv_dlen",)
        ),
        Feature(
            "log_dlen_sig",
            r"$\ln(L / \sigma_L)$",
            lambda p: p.log(p.column("dlenSig")),
            ("sv_dlenSig",),
        ),
        Feature(
            "log_dxy_sig",
            r"$\ln(L_{xy} / \sigma_{L_{xy}})$",
            lambda p: p.log(p.column("dxySig")),
            ("sv_dxySig",),
        ),
        Feature("vertex_tracks", "Tracks", lambda p: p.column("ntracks"), ("sv_ntracks",)),
        Feature("pointing_angle", "Pointing angle", lambda p: p.column("pAngle"), ("sv_pAngle",)),
        Feature(
            "log_chi2",
            r"$\ln(1 + \chi^2 / \mathrm{ndof})$",
            lambda p: p.log(1 + p.column("chi2")),
            ("sv_chi2",),
        ),
    )
}
"""Features of a secondary vertex besides those of its momentum."""

OF_MOMENTUM = ("eta_rel", "phi_rel", "log_pt_rel", "delta_r", "log_e", "log_e_rel", "log_pt")


@dataclass(frozen=True)
class Collection:
    """Things in a jet, a jagged column for each of their properties."""

    prefix: str
    """Beginning of the columns' names."""
    columns: tuple[str, ...]
    """Columns that are always read; four-momenta are the first of them."""
    features: Mapping[str, Feature]
    """What networks may read of each thing, by name."""
    order: Callable[[Columns], ak.Array]
    """By falling values of this the first ones are kept, (jets, things)."""
    chosen: Callable[[Columns], ak.Array] | None = None
    """Which things are of the collection, (jets, things); None for all."""
    may_lack: bool = True
    """Whether jets may have none."""


COLLECTIONS: dict[str, Collection] = {
    "constituents": Collection(
        "pf_", MOMENTA, FEATURES, lambda columns: columns["pf_pt"], may_lack=False
    ),
    "tracks": Collection(
        "pf_",
        (*MOMENTA, "pf_charge", "pf_d0", "pf_d0Err"),
        {**FEATURES, **TRACK_FEATURES},
        lambda columns: abs(columns["pf_d0"]) / columns["pf_d0Err"],
        lambda columns: (columns["pf_charge"] != 0) & (columns["pf_d0Err"] > 0),
    ),
    "vertices": Collection(
        "sv_",
        ("sv_pt", "sv_eta", "sv_phi", "sv_mass", "sv_dlenSig"),
        {**{name: FEATURES[name] for name in OF_MOMENTUM}, **VERTEX_FEATURES},
        lambda columns: columns["sv_dlenSig"],
    ),
}
"""All collections by name: constituents by falling pT, tracks by falling |d0| / error, vertices by
falling distance / error."""


def needed(collection: str, names: Iterable[str]) -> list[str]:
    """Columns of the selected jets that some features are made from, each once.

    Args:
        collection: name of the collection.
        names: of features of it.
    """
    one = COLLECTIONS[collection]
    more = (column for name in names for column in one.features[name].needs)
    return list(dict.fromkeys([*one.columns, *JET, *more]))
