"""Names of the observables that are computed from constituents."""

OBSERVABLES = [
    "pt",
    "mass",
    "msoftdrop",
    "tau1",
    "tau2",
    "tau3",
    "tau21",
    "tau32",
    "c2",
    "d2",
    "e3",
    "sqrt_d12",
    "sqrt_d23",
    "multiplicity",
]


ALL_OBSERVABLES = [
    *OBSERVABLES,
    "mtrimmed",
    "r2",
    "planar_flow",
    "a3",
    "aplanarity",
    "zcut",
    "kt_dr",
    "qw",
    "pt_d",
    "charge",
]
"""Everything that ingest computes from constituents (boostflow.observables has the formulas)."""


def known_features() -> list[str]:
    """Columns that a model may take: the observables and the jet's kinematics."""
    return sorted({*ALL_OBSERVABLES, "eta"})


def columns() -> list[str]:
    """Columns of the selected jets that can be drawn in templates."""
    return sorted({*known_features(), "phi", "ht", "met_pt", "mjj"})
