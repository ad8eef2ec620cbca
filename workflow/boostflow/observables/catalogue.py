"""The columns of the selected jets: what tables, shifts, plots, checks and models ask of them.

Observables are declared in `definitions`, all other columns here. What only identifies or weighs a
jet (`event_id`, `label`, `weight`, ...) is no number to draw or shift, and not among them. This
module is read when a run is planned and imports the standard library alone.
"""

from __future__ import annotations

from collections.abc import Collection

from boostflow.observables.declare import Column, Observable, Of, Unit
from boostflow.observables.definitions import OBSERVABLES

KINEMATICS = ("pt", "eta", "phi", "mass")
"""Columns that every jet brings along from its file. The observables `pt` and `mass` are those of
the sum of constituents; the tables have the jet's own, which are calibrated."""

TRACKS = ("pf_d0", "pf_d0Err", "pf_dz", "pf_dzErr")
"""Columns of the constituents' impact parameters."""

EM_LAYERS = tuple(f"em_layer_{number}" for number in range(3))
"""Energies of a jet in the layers of the calorimeter, where showers are made."""

OTHERS = (
    Column(name="eta", title=r"Jet $\eta$", feature=True),
    Column(name="phi", title=r"Jet $\phi$", unit=Unit.RAD, variable=True),
    Column(name="area", title="Jet area", feature=True),
    *(
        Column(
            name=name,
            title=f"Electromagnetic energy in layer {number}",
            unit=Unit.GEV,
            feature=True,
        )
        for number, name in enumerate(EM_LAYERS)
    ),
    Column(name="raw_factor", title="1 - raw over calibrated momentum"),
    Column(name="gen_pt", title="Generator jet $p_T$", unit=Unit.GEV, of=Of.GENERATOR),
    Column(name="gen_mass", title="Generator jet mass", unit=Unit.GEV, of=Of.GENERATOR),
    Column(name="pf_pt", title="Constituent $p_T$", unit=Unit.GEV, of=Of.CONSTITUENT),
    Column(name="pf_eta", title=r"Constituent $\eta$", of=Of.CONSTITUENT),
    Column(name="pf_phi", title=r"Constituent $\phi$", unit=Unit.RAD, of=Of.CONSTITUENT),
    Column(name="pf_mass", title="Constituent mass", unit=Unit.GEV, of=Of.CONSTITUENT),
    Column(name="pf_charge", title="Constituent charge", unit=Unit.CHARGE, of=Of.CONSTITUENT),
    Column(name="pf_pdgId", title="Constituent PDG code", of=Of.CONSTITUENT),
    Column(name="pf_d0", title="Constituent $d_0$", unit=Unit.CM, of=Of.CONSTITUENT),
    Column(name="pf_d0Err", title="Error of constituent $d_0$", unit=Unit.CM, of=Of.CONSTITUENT),
    Column(name="pf_dz", title="Constituent $d_z$", unit=Unit.CM, of=Of.CONSTITUENT),
    Column(name="pf_dzErr", title="Error of constituent $d_z$", unit=Unit.CM, of=Of.CONSTITUENT),
    Column(name="sv_pt", title="Vertex $p_T$", unit=Unit.GEV, of=Of.VERTEX),
    Column(name="sv_eta", title=r"Vertex $\eta$", of=Of.VERTEX),
    Column(name="sv_phi", title=r"Vertex $\varphi$", unit=Unit.RAD, of=Of.VERTEX),
    Column(name="sv_mass", title="Vertex mass", unit=Unit.GEV, of=Of.VERTEX),
    Column(name="sv_dlen", title="Vertex distance", unit=Unit.CM, of=Of.VERTEX),
    Column(name="sv_dlenSig", title="Vertex distance / error", of=Of.VERTEX),
    Column(name="sv_dxy", title="Transverse vertex distance", unit=Unit.CM, of=Of.VERTEX),
    Column(name="sv_dxySig", title="Transverse vertex distance / error", of=Of.VERTEX),
    Column(name="sv_pAngle", title="Vertex pointing angle", unit=Unit.RAD, of=Of.VERTEX),
    Column(name="sv_chi2", title=r"Vertex $\chi^2$ / ndof", of=Of.VERTEX),
    Column(name="sv_ntracks", title="Vertex tracks", of=Of.VERTEX),
    Column(name="rho", title=r"$\rho$", unit=Unit.GEV, of=Of.EVENT, feature=True),
    Column(
        name="rho_mult",
        title=r"Background $p_T$ per particle",
        unit=Unit.GEV,
        of=Of.EVENT,
        feature=True,
    ),
    Column(name="n_event", title="Particles in the event", of=Of.EVENT, feature=True),
    Column(name="gen_lead_pt", title="Leading generator jet $p_T$", unit=Unit.GEV, of=Of.GENERATOR),
    Column(name="met_pt", title=r"$p_T^\mathrm{miss}$", unit=Unit.GEV, of=Of.EVENT, variable=True),
    Column(name="met_phi", title=r"$\phi^\mathrm{miss}$", unit=Unit.RAD, of=Of.EVENT),
    Column(name="ht", title="$H_T$", unit=Unit.GEV, of=Of.EVENT, variable=True),
    Column(name="mjj", title="Dijet mass $m_{JJ}$", unit=Unit.GEV, of=Of.EVENT, variable=True),
)
"""The columns that are no observables. Those of the event are not multiplied by the factors of its
jets: `met_pt`, `met_phi` and `ht` follow the jets' momenta, `mjj` is made from moved jets."""


def declared() -> dict[str, Column]:
    """All columns by name, observables first."""
    return {**OBSERVABLES, **{column.name: column for column in OTHERS}}


def column(name: str) -> Column:
    """The column of a name; one that is not declared is called by its name."""
    return declared().get(name) or Column(name=name, title=name)


def ingested() -> list[Observable]:
    """The observables that ingest adds to the jets' kinematics, in the order of its columns."""
    return [one for one in OBSERVABLES.values() if one.feature and one.name not in KINEMATICS]


def jet_fields() -> list[str]:
    """Fields of NanoAOD's `FatJet` that have an observable, in the order of the columns."""
    return [one.branch for one in ingested() if one.branch is not None]


def leading_fields() -> dict[str, str]:
    """Fields of `FatJet` by observable that only boostflow's own samples have.

    They are those of jets on a background, whose constituents are not written.
    """
    names = [name for name in OBSERVABLES if name.startswith("constituent_pt")]
    return {name: str(OBSERVABLES[name].branch) for name in ("girth", *names)}


def available(
    fields: Collection[str],
    *,
    constituents: bool,
    charges: bool,
    tracks: bool = False,
    vertices: bool = False,
) -> set[str]:
    """Names of the observables that ingest can have from a file.

    Args:
        fields: of the file's `FatJet`, by the names of NanoAOD.
        constituents: whether jets have constituents.
        charges: whether these have charges.
        tracks: whether these have impact parameters.
        vertices: whether jets have secondary vertices.
    """
    found = {
        one.name
        for one in ingested()
        if (
            constituents
            and (charges or not one.charges)
            and (tracks or not one.tracks)
            and (vertices or not one.vertices)
        )
        or one.branch in fields
    }
    return found | {one.name for one in ingested() if one.ratio and found.issuperset(one.ratio)}


def of_tracks(name: str) -> bool:
    """Whether a column is only there with `ingest.tracks`: of tracks or vertices, or made of them.

    Args:
        name: of a column.
    """
    one = column(name)
    made = isinstance(one, Observable) and (one.tracks or one.vertices)
    return made or one.of is Of.VERTEX or name in TRACKS


def without_charges() -> str:
    """What is off in files whose constituents have no charge, in words."""
    names = [one.name for one in ingested() if one.charges and not one.tracks]
    plural = len(names) > 1
    return f"the observable{'s' * plural} {', '.join(names)} {'are' if plural else 'is'} off"


def stored_observables() -> list[str]:
    """Observables among the columns of the tables, `pt` and `mass` of the jet included."""
    return [name for name, one in OBSERVABLES.items() if one.feature]


def default_features() -> list[str]:
    """What models take unless they are told otherwise, in this order."""
    return [name for name, one in OBSERVABLES.items() if one.standard]


def known_features() -> list[str]:
    """Columns that models may take, sorted."""
    return sorted(name for name, one in declared().items() if one.feature)


def columns() -> list[str]:
    """Columns that templates and cuts may take, sorted."""
    return sorted(name for name, one in declared().items() if one.feature or one.variable)


def energies() -> list[str]:
    """Columns that are multiplied by the factor that scales a jet's energy."""
    return [name for name, one in declared().items() if one.scales]


def masses() -> list[Column]:
    """Masses of the jet, groomed and not."""
    return [one for one in declared().values() if one.mass]
