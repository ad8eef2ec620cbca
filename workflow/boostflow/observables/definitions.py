"""The observables: one function each, declared with its title, its unit and what it needs.

A function takes a block of `Jets` and returns one float64 for each of them; its docstring has the
formula and the reference. z_i is the constituent's pT over the scalar sum of the jet, R_ij the
distance in rapidity and azimuth. A ratio with a vanishing denominator is 0, so that jets of no, one
or two constituents have finite values: without constituents all are 0 (ATLAS' code,
JetSubStructureUtils in Athena, gives -1 or -999 there).

Adding an observable is adding a function at the end. Ingest computes it, shifts and smearing move
it by its unit, plots have its title, models and templates may name it, `make check` knows what it
needs, and `make observables` prints it. The order is that of the columns, which baselines and
default features follow. What is imported is the standard library alone, as the declarations are
read when a run is planned: functions import numpy and the kernels themselves.

The selection of ATLAS for W and top jets (arXiv:1808.07858) is among them: pt, mass, e3, c2, d2,
tau1 to tau32, r2, sqrt_d12, sqrt_d23, zcut, planar_flow, a3, aplanarity, kt_dr, qw. Where ATLAS'
code computes another number, the docstring says so.

None changes with the order of the constituents, by turns around the beam, or if constituents
without pT are added. Boosts along the beam leave all as they are but planar_flow, whose energies
and plane across the jet are those of one frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from boostflow.observables.declare import Observable, Unit, declaring

if TYPE_CHECKING:
    import numpy as np

    from boostflow.observables.jets import Jets

OBSERVABLES: dict[str, Observable] = {}
"""All observables by column name, in the order of this file."""

observable = declaring(OBSERVABLES)

JET_CHARGE_KAPPA = 0.5
ANGULARITY_A = -2
TRIMMING_RADIUS, TRIMMING_FRACTION = 0.2, 0.03
DISPLACED = 2.0
"""Signed significance of the impact parameter above which a track is displaced."""
TRACK_PROBABILITY_MIN = 0.005
SIGNIFICANCE_MIN = -10.0
"""Least significance of an impact parameter, that of a track that is not there."""


# --- the features that models take by default ----------------------------------------------------


@observable("Jet $p_T$", Unit.GEV, standard=True)
def pt(jets: Jets) -> np.ndarray:
    """Transverse momentum of the sum of the constituents, sqrt(px^2 + py^2)."""
    return jets.sum_pt


@observable("Jet mass", Unit.GEV, mass=True, standard=True)
def mass(jets: Jets) -> np.ndarray:
    """Invariant mass of the sum of the constituents, sqrt(E^2 - p^2)."""
    return jets.mass


@observable(
    "Soft-drop mass",
    Unit.GEV,
    mass=True,
    groomed=True,
    standard=True,
    branch="msoftdrop",
    calibrated=True,
)
def msoftdrop(jets: Jets) -> np.ndarray:
    """Mass after soft drop with beta = 0.

    The Cambridge/Aachen tree is undone until min(pT1, pT2) > zcut (pT1 + pT2), following the harder
    branch (Larkoski, Marzani, Soyez, Thaler, arXiv:1402.2657; beta = 0 is the modified mass drop
    tagger, arXiv:1307.0007). A jet that never passes ends as its last constituent. `RecursiveTools`
    of FastJet contrib.
    """
    from boostflow.observables import kernels

    return jets.mass_of(kernels.soft_drop(jets.offsets, *jets.cambridge, jets.zcut))


@observable(r"$\tau_1$", standard=True, branch="tau1")
def tau1(jets: Jets) -> np.ndarray:
    """N-subjettiness, N = 1: sum_i z_i min_a (R_ia / R)^beta over the N axes.

    Thaler, Van Tilburg, arXiv:1011.2268. The axes are the N exclusive kT subjets (E scheme, no
    minimisation): `KT_Axes` and `NormalizedMeasure` of FastJet contrib. ATLAS and CMS take axes of
    the winner-take-all scheme, CMS minimises from there. 0 if the jet has no more than N
    constituents.
    """
    return jets.tau[0]


@observable(r"$\tau_2$", standard=True, branch="tau2")
def tau2(jets: Jets) -> np.ndarray:
    """N-subjettiness for N = 2 axes (arXiv:1011.2268), as tau1."""
    return jets.tau[1]


@observable(r"$\tau_3$", standard=True, branch="tau3")
def tau3(jets: Jets) -> np.ndarray:
    """N-subjettiness for N = 3 axes (arXiv:1011.2268), as tau1."""
    return jets.tau[2]


@observable(r"$\tau_4$", stored=False)
def tau4(jets: Jets) -> np.ndarray:
    """N-subjettiness for N = 4 axes (arXiv:1011.2268), as tau1; written by the simulation alone."""
    return jets.tau[3]


@observable(r"$\tau_{21}$", standard=True, ratio=("tau2", "tau1"))
def tau21(jets: Jets) -> np.ndarray:
    """tau2 / tau1, small for two prongs (arXiv:1011.2268)."""
    return jets.ratio(jets.tau[1], jets.tau[0])


@observable(r"$\tau_{32}$", standard=True, ratio=("tau3", "tau2"))
def tau32(jets: Jets) -> np.ndarray:
    """tau3 / tau2, small for three prongs (arXiv:1011.2268)."""
    return jets.ratio(jets.tau[2], jets.tau[1])


@observable("$C_2$", standard=True)
def c2(jets: Jets) -> np.ndarray:
    """C2 = e3 / e2^2 with e2 = sum_{i<j} z_i z_j R_ij^beta (arXiv:1305.0007)."""
    return jets.ratio(jets.correlators[1], jets.correlators[0] ** 2)


@observable("$D_2$", standard=True)
def d2(jets: Jets) -> np.ndarray:
    """D2 = e3 / e2^3 with e2 as in C2 (Larkoski, Moult, Neill, arXiv:1409.6298)."""
    return jets.ratio(jets.correlators[1], jets.correlators[0] ** 3)


@observable("$e_3$", standard=True)
def e3(jets: Jets) -> np.ndarray:
    """Three-point energy correlation: sum_{i<j<k} z_i z_j z_k (R_ij R_jk R_ik)^beta.

    ECF(3) / ECF(1)^3 of Larkoski, Salam, Thaler, arXiv:1305.0007, as in ATLAS' code.
    """
    return jets.correlators[1]


@observable(r"$\sqrt{d_{12}}$", Unit.GEV, standard=True)
def sqrt_d12(jets: Jets) -> np.ndarray:
    """First kT splitting scale min(pT1, pT2) R_12 of the last two subjets.

    Butterworth, Cox, Forshaw, hep-ph/0201098; exclusive kT with E scheme. The angle is not divided
    by a radius: FastJet's `exclusive_dmerge` times R^2.
    """
    return jets.splitting_scales[0]


@observable(r"$\sqrt{d_{23}}$", Unit.GEV, standard=True)
def sqrt_d23(jets: Jets) -> np.ndarray:
    """Second kT splitting scale, of the merging of three subjets into two (hep-ph/0201098)."""
    return jets.splitting_scales[1]


@observable("Number of constituents", standard=True, branch="nConstituents")
def multiplicity(jets: Jets) -> np.ndarray:
    """Number of constituents with positive pT, sum_i 1."""
    return jets.counts.astype(float)


# --- other masses and shapes ---------------------------------------------------------------------


@observable("Trimmed mass", Unit.GEV, mass=True, groomed=True)
def mtrimmed(jets: Jets) -> np.ndarray:
    """Mass after trimming.

    Sum of the inclusive Cambridge/Aachen subjets of radius 0.2 that have more than 3 % of the jet's
    pT (Krohn, Thaler, Wang, arXiv:0912.1342, whose subjets are made with kT).
    """
    from boostflow.observables import kernels

    return jets.mass_of(
        kernels.trimmed(jets.offsets, *jets.cambridge, TRIMMING_RADIUS, TRIMMING_FRACTION)
    )


@observable("$R_2$")
def r2(jets: Jets) -> np.ndarray:
    """Fox-Wolfram moments H2 / H0 in the jet's rest frame, 0 (sphere) to 1 (two prongs).

    H_l = sum_ij |p_i| |p_j| P_l(cos theta_ij) (Fox, Wolfram, Phys. Rev. Lett. 41 (1978) 1581;
    rest frame: ATLAS, arXiv:1808.07858). The double sum of cos^2 is the squared norm of the
    tensor sum_i p_a p_b / |p|. The sums run over all i and j as published; ATLAS' code leaves out
    i = j, which gives -1/8 instead of 1/4 for three symmetric prongs. 0 for a jet without mass.
    """
    import numpy as np

    linear, _, total = jets.rest_frame
    return jets.ratio(1.5 * np.sum(linear**2, axis=(1, 2)) - 0.5 * total**2, total**2)


@observable("Planar flow")
def planar_flow(jets: Jets) -> np.ndarray:
    """4 det I / (tr I)^2, I_kl = sum_i p_k p_l / E_i across the jet axis: 0 (line) to 1 (disc).

    Almeida, Lee, Perez, Sterman, Sung, Virzi, arXiv:0807.0234, as in ATLAS' code: in the frame of
    the detector, since boosts along the beam change the energies and the plane.
    """
    import numpy as np

    from boostflow.observables import kernels

    xx, xy, yy = kernels.transverse_tensor(jets.offsets, jets.momentum, jets.total)
    return jets.ratio(4 * np.maximum(xx * yy - xy**2, 0), (xx + yy) ** 2)


@observable("Angularity $a_3$")
def a3(jets: Jets) -> np.ndarray:
    """Angularity 1/m sum_i pT_i sin^a(t_i) (1 - cos t_i)^(1 - a), a = -2, t_i = pi R_i / (2 R).

    arXiv:0807.0234 (a = -2: ATLAS, arXiv:1206.5369; a3 for the power 1 - a), with pT for the energy
    and R_i, the distance to the jet axis, for the angle, at most R; so it does not change under
    boosts along the beam. ATLAS' code has energies and the opening angle itself, without
    pi / (2 R): the same jet has another a3 at another rapidity, about as cosh(y)^-3.
    """
    from boostflow.observables import kernels

    sums = kernels.angularity(
        jets.offsets, jets.momentum, jets.pt, jets.total, ANGULARITY_A, jets.radius
    )
    return jets.ratio(sums, jets.mass)


@observable("Aplanarity")
def aplanarity(jets: Jets) -> np.ndarray:
    """3/2 of the smallest eigenvalue of sum_i p_a p_b / sum_i p_i^2 in the rest frame, 0 to 1/2.

    Bjorken, Brodsky, Phys. Rev. D 1 (1970) 1416, as in ATLAS' code. 0 for a jet without mass.
    """
    import numpy as np

    _, quadratic, _ = jets.rest_frame
    trace = np.trace(quadratic, axis1=1, axis2=2)
    return 1.5 * np.maximum(jets.ratio(np.linalg.eigvalsh(quadratic)[:, 0], trace), 0)


@observable(r"$z_\mathrm{cut}$")
def zcut(jets: Jets) -> np.ndarray:
    """d12 / (d12 + m^2): energy sharing of the last kT splitting, 0 to 1.

    Thaler, Wang, arXiv:0806.0023, with the jet's mass as that of the pair; ZCUT12 of ATLAS' code.
    """
    return jets.ratio(jets.splittings[0], jets.splittings[0] + jets.mass**2)


@observable(r"$\Delta R$ of the $k_t$ subjets")
def kt_dr(jets: Jets) -> np.ndarray:
    """Distance R_12 of the last two exclusive kT subjets, in rapidity and azimuth.

    Catani, Dokshitzer, Seymour, Webber, Nucl. Phys. B 406 (1993) 187, as KtDR in arXiv:1808.07858.
    ATLAS' code clusters with R = 0.4, so that subjets which are farther apart compete with the
    beam, and takes the pseudorapidity, which a boost changes for subjets with mass.
    """
    return jets.splittings[2]


@observable("$Q_W$", Unit.GEV)
def qw(jets: Jets) -> np.ndarray:
    """min_{a<b} m_ab of the three exclusive kT subjets, near the W's mass in top jets.

    Thaler, Wang, arXiv:0806.0023, as in ATLAS' code. 0 with fewer than three constituents.
    """
    return jets.splitting_scales[2]


@observable("$p_T^D$")
def pt_d(jets: Jets) -> np.ndarray:
    """pT dispersion sqrt(sum_i pT_i^2) / sum_i pT_i (CMS-PAS-JME-13-002), 0 to 1."""
    import numpy as np

    return jets.ratio(np.sqrt(jets.added(jets.pt**2)), jets.added(jets.pt))


@observable("Jet charge", Unit.CHARGE, charges=True)
def charge(jets: Jets) -> np.ndarray:
    """Jet charge sum_i q_i (pT_i / pT)^kappa, kappa = 1/2.

    Field, Feynman, Nucl. Phys. B 136 (1978) 1; Krohn, Schwartz, Lin, Waalewijn, arXiv:1209.2421.
    """
    weighted = jets.added(jets.charge * jets.pt**JET_CHARGE_KAPPA)
    return jets.ratio(weighted, jets.sum_pt**JET_CHARGE_KAPPA)


# --- what tells a jet from a background under it -------------------------------------------------


@observable("Girth", branch="girth")
def girth(jets: Jets) -> np.ndarray:
    """sum_i z_i R_i to the axis of the jet: the angularity of arXiv:1810.06324 (Haake, Loizides).

    R_i is the distance in rapidity and azimuth (arXiv:1106.3076).
    """
    return jets.girth


def _nth_constituent(number: int, nth: str) -> None:
    """Declare the pT of the constituent of this number, counted from 1 by falling pT."""

    def formula(jets: Jets) -> np.ndarray:
        return jets.leading[number - 1]

    formula.__name__ = f"constituent_pt{number}"
    formula.__doc__ = f"The {nth} pT of a constituent, or 0 (arXiv:1810.06324)."
    title = f"{nth.capitalize()} constituent $p_T$"
    observable(title, Unit.GEV, branch=f"constituentPt{number}")(formula)


NTH = ("second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")
for _number, _nth in enumerate(("largest", *(f"{nth} largest" for nth in NTH)), 1):
    _nth_constituent(_number, _nth)


# --- lifetimes: tracks with impact parameters, secondary vertices --------------------------------


@observable("Number of tracks", tracks=True)
def n_tracks(jets: Jets) -> np.ndarray:
    """Number of charged constituents with |d0| below 2 mm (an input in arXiv:1712.07158)."""
    return jets.tracks.counts.astype(float)


@observable("Number of displaced tracks", tracks=True)
def n_displaced(jets: Jets) -> np.ndarray:
    """Number of tracks whose signed d0 is more than twice its error: track counting.

    CMS, arXiv:1211.4462. The sign is positive where the track passes the primary vertex on the side
    to which the jet flies.
    """
    return jets.tracks.added(jets.tracks.significance > DISPLACED)


@observable("Share of displaced tracks in $p_T$", tracks=True)
def displaced_share(jets: Jets) -> np.ndarray:
    """Part of the scalar pT of all tracks that displaced ones have, 0 without tracks.

    Displaced as in `n_displaced` (arXiv:1211.4462).
    """
    tracks = jets.tracks
    displaced = tracks.added(tracks.pt * (tracks.significance > DISPLACED))
    return jets.ratio(displaced, tracks.added(tracks.pt))


@observable(r"Largest $d_0 / \sigma$", tracks=True)
def sip1(jets: Jets) -> np.ndarray:
    """Largest signed significance of d0 of a track (arXiv:1211.4462).

    At least -10, and -10 without tracks.
    """
    return jets.tracks.significant(1, SIGNIFICANCE_MIN)


@observable(r"Second largest $d_0 / \sigma$", tracks=True)
def sip2(jets: Jets) -> np.ndarray:
    """Second largest signed significance of d0: track counting, high efficiency.

    TCHE of CMS, arXiv:1211.4462. At least -10, and -10 with fewer than two tracks.
    """
    return jets.tracks.significant(2, SIGNIFICANCE_MIN)


@observable(r"Third largest $d_0 / \sigma$", tracks=True)
def sip3(jets: Jets) -> np.ndarray:
    """Third largest signed significance of d0: track counting, high purity.

    TCHP of CMS, arXiv:1211.4462. At least -10, and -10 with fewer than three tracks.
    """
    return jets.tracks.significant(3, SIGNIFICANCE_MIN)


@observable(r"$-\ln$ jet probability", tracks=True)
def jet_probability(jets: Jets) -> np.ndarray:
    """-ln of the probability that all tracks with positive sign are from the primary vertex.

    P = Pi sum_{k<n} (-ln Pi)^k / k!, Pi the product of the n tracks' P_i, which is that of a larger
    significance by a Gaussian resolution (ALEPH, Phys. Lett. B 313 (1993) 535; arXiv:1211.4462).
    P_i is at least 0.5 %, so that no single track decides. 0 without such tracks.
    """
    import numpy as np
    from scipy.special import gammaincc, log_ndtr

    tracks = jets.tracks
    positive = tracks.significance > 0
    n = tracks.added(positive)
    # Half of the tracks of the primary vertex have a positive sign.
    minus_log = -np.log(2) - log_ndtr(-tracks.significance)
    minus_log = np.minimum(minus_log, -np.log(TRACK_PROBABILITY_MIN))
    total = np.maximum(tracks.added(np.where(positive, minus_log, 0)), 0)
    probability = np.where(n > 0, gammaincc(np.maximum(n, 1), total), 1)
    return -np.log(np.maximum(probability, 1e-300))


@observable("Number of secondary vertices", vertices=True)
def n_vertices(jets: Jets) -> np.ndarray:
    """Number of secondary vertices (an input in arXiv:1712.07158)."""
    return jets.secondary.counts.astype(float)


@observable("Secondary vertex mass", Unit.GEV, vertices=True)
def vertex_mass(jets: Jets) -> np.ndarray:
    """Mass of the tracks of the most displaced vertex, or 0 (arXiv:1211.4462).

    That is the vertex with the largest distance from the primary one over its error.
    """
    return jets.secondary.first("mass")


@observable("Secondary vertex distance / error", vertices=True)
def vertex_significance(jets: Jets) -> np.ndarray:
    """Distance of the most displaced vertex from the primary one over its error, or 0.

    The simple secondary vertex tagger of CMS (arXiv:1211.4462) cuts on a function of it.
    """
    return jets.secondary.first("dlenSig")


@observable("Secondary vertex tracks", vertices=True)
def vertex_tracks(jets: Jets) -> np.ndarray:
    """Number of tracks of the most displaced vertex, or 0 (arXiv:1211.4462)."""
    return jets.secondary.first("ntracks")


@observable("Share of the secondary vertex in $p_T$", vertices=True)
def vertex_share(jets: Jets) -> np.ndarray:
    """pT of the tracks of the most displaced vertex over that of the jet, or 0.

    With pT for the energy of arXiv:1211.4462.
    """
    return jets.ratio(jets.secondary.first("pt"), jets.sum_pt)


@observable("Secondary vertex pointing angle", Unit.RAD, vertices=True)
def vertex_angle(jets: Jets) -> np.ndarray:
    """Angle between flight and momentum of the most displaced vertex, or 0.

    `SV_pAngle` of NanoAOD; the vertex as in arXiv:1211.4462.
    """
    return jets.secondary.first("pAngle")
