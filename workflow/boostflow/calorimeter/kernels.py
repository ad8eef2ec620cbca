"""The cascade itself, particle by particle, compiled by numba.

All loops are in one file: numba keeps the machine code of a loop until its own file changes. Random
numbers are numba's own, which are seeded anew for each shower.
"""

# ruff: noqa: NPY002

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from boostflow.calorimeter import geometry
from boostflow.calorimeter.geometry import ARGON, DEPTH, HALF_WIDTH, LEAD, LEAD_MM, PERIOD
from boostflow.compiled import njit

PHOTON, ELECTRON, PION = 0, 1, 2
MASS = 0.510999
"""Mass of the electron (MeV)."""
ZETA3 = 1.2020569
CUT = 1.0
"""Electrons, and photons that they radiate, below this (MeV) leave their energy where they are."""
PHOTON_CUT = 0.5
"""Photons below this (MeV) leave their energy where they are."""
STEP_ANGLE = 1.0
"""A step of an electron is so short that it scatters by about this angle at most."""
STEP_LOSS = 0.25
"""A step of an electron is so short that it loses this part of its energy at most."""
DELTA_CUT, DELTA_MAX = 0.02, 9.0
"""Smallest and largest energy (MeV) of an electron that a pion kicks out: what makes its loss
fluctuate. Those of more are rare, and slow pions have none."""
RADIUS2 = 0.0794079
"""Square of the classical radius of the electron (barn)."""
XI = 2 * math.pi * RADIUS2 * MASS
"""Of the density of electrons over beta^2, this is xi of Landau (MeV/mm): kicked electrons have the
spectrum xi / T^2 (Particle Data Group, passage of particles)."""
HADRON_CUT = 300.0
"""Pions below this kinetic energy (MeV) do not make others."""
PION_MASS, PROTON_MASS = 139.57, 938.27
STACK = 20_000
"""Particles that wait, at most; a shower of 100 GeV has some hundreds."""

X0 = np.array([LEAD.radiation_length, ARGON.radiation_length])
LOSS = np.array([LEAD.ionisation, ARGON.ionisation])
DENSITY = np.array([LEAD.electrons, ARGON.electrons])
INTERACTION = 1.5 * np.array([LEAD.interaction_length, ARGON.interaction_length])
"""Free paths of pions (mm): their cross-sections are about two thirds of those of protons."""
SCREENED = np.array([LEAD.screened, ARGON.screened])
COULOMB = 53.0 * (np.array([LEAD.atomic_number, ARGON.atomic_number]) / 137.036) ** 2
"""What Born's approximation lacks of pairs, over (m / E)^2; 53 is of lead in XCOM's tables."""
ENDS = np.array([layer.end for layer in geometry.LAYERS])
ROWS = np.array([layer.shape[0] for layer in geometry.LAYERS])
COLUMNS = np.array([layer.shape[1] for layer in geometry.LAYERS])
STARTS = np.array(geometry.STARTS)
ABSORPTION = np.array([LEAD.absorption, ARGON.absorption])
RINGS = 120
"""Rings of 2 mm around the axis, in which the radial profile is counted."""


@njit(cache=True)
def turned(ux, uy, uz, cosine, phi):
    """The direction (ux, uy, uz) turned by an angle with this cosine, at an azimuth phi."""
    sine = math.sqrt(max(0.0, 1.0 - cosine * cosine))
    a, b = sine * math.cos(phi), sine * math.sin(phi)
    if abs(uz) > 0.999999:
        sign = 1.0 if uz > 0 else -1.0
        return a, b, sign * cosine
    across = math.sqrt(1.0 - uz * uz)
    vx = cosine * ux + (a * ux * uz - b * uy) / across
    vy = cosine * uy + (a * uy * uz + b * ux) / across
    vz = cosine * uz - a * across
    norm = 1.0 / math.sqrt(vx * vx + vy * vy + vz * vz)
    return vx * norm, vy * norm, vz * norm


@njit(cache=True)
def to_boundary(z, uz):
    """The material at z and the way to its end (mm) in a direction; inf along the sheets."""
    within = z - PERIOD * math.floor(z / PERIOD)
    material = 0 if within < LEAD_MM else 1
    if uz > 1e-9:
        end = LEAD_MM if material == 0 else PERIOD
        return material, (end - within) / uz + 1e-7
    if uz < -1e-9:
        begin = 0.0 if material == 0 else LEAD_MM
        return material, (within - begin) / -uz + 1e-7
    return material, np.inf


@njit(cache=True)
def unscreened(energy):
    """Cross-section of Bethe and Heitler for a pair, in units of alpha r_e^2 Z^2.

    Expansions of Maximon, J. Res. NBS 72B (1968) 79, below and above four electron masses.
    """
    k = energy / MASS
    if k <= 2.0:
        return 0.0
    if k < 4.0:
        e = (2 * k - 4) / (2 + k + 2 * math.sqrt(2 * k))
        series = 1 + e / 2 + 23 / 40 * e**2 + 11 / 60 * e**3 + 29 / 960 * e**4
        return 2 * math.pi / 3 * ((k - 2) / k) ** 3 * series
    log = math.log(2 * k)
    first = 6 * log - 3.5 + 2 / 3 * log**3 - log**2 - math.pi**2 / 3 * log + 2 * ZETA3
    first += math.pi**2 / 6
    found = 28 / 9 * log - 218 / 27 + (2 / k) ** 2 * first
    return found - (2 / k) ** 4 * (3 / 16 * log + 1 / 8)


@njit(cache=True)
def pair_rate(energy, material):
    """Pairs per radiation length that a photon (MeV) makes: 7/9 at complete screening.

    Below, the cross-section is that of Bethe and Heitler; between both their exponentials add up.
    Near the threshold nuclei pull at the electron, see `COULOMB`.
    """
    most = 28 / 9 * SCREENED[material] - 2 / 27
    free = unscreened(energy)
    if free <= 0.0:
        return 0.0
    reached = -math.log(math.exp(-9 / 28 * free) + math.exp(-9 / 28 * most))
    near = 1.0 + COULOMB[material] * (MASS / energy) ** 2
    return near * max(0.0, 7 / 9 * reached / (9 / 28 * most))


@njit(cache=True)
def compton(energy):
    """Cross-section of Klein and Nishina on an electron (barn)."""
    k = energy / MASS
    log = math.log(1 + 2 * k)
    first = (1 + k) / k**2 * (2 * (1 + k) / (1 + 2 * k) - log / k)
    return 2 * math.pi * RADIUS2 * (first + log / (2 * k) - (1 + 3 * k) / (1 + 2 * k) ** 2)


@njit(cache=True)
def compton_share(energy):
    """Part of its energy that the photon keeps, drawn from Klein and Nishina, and its cosine."""
    k = energy / MASS
    low = 1.0 / (1.0 + 2.0 * k)
    first, second = -math.log(low), 0.5 * (1.0 - low * low)
    while True:
        if np.random.random() * (first + second) < first:
            share = low ** np.random.random()
        else:
            share = math.sqrt(low * low + (1.0 - low * low) * np.random.random())
        t = (1.0 - share) / (k * share)
        if np.random.random() < 1.0 - share * t * (2.0 - t) / (1.0 + share * share):
            return share, 1.0 - t


@njit(cache=True)
def radiates(energy, material):
    """Energy that an electron (MeV) radiates, over what it would at complete screening.

    At low energies it is the unscreened ln(2 E / m) - 1/3 of Bethe and Heitler (Koch and Motz, Rev.
    Mod. Phys. 31 (1959) 920), at high ones the screened ln(183 Z^(-1/3)) + 1/18; between both their
    exponentials add up, as for pairs.
    """
    most = SCREENED[material] + 1.0 / 18.0
    free = math.log(2.0 * (energy + MASS) / MASS) - 1.0 / 3.0
    return -math.log(math.exp(-free) + math.exp(-most)) / most


@njit(cache=True)
def radiation_rate(energy):
    """Photons above `CUT` per radiation length that an electron (MeV) radiates, fully screened."""
    y = CUT / energy
    if y >= 1.0:
        return 0.0
    return 4.0 / 3.0 * (-math.log(y) - 1.0 + y) + 0.5 * (1.0 - y * y)


@njit(cache=True)
def radiated(energy):
    """Part of an electron's energy that a photon above `CUT` takes: 1/y (4/3 - 4/3 y + y^2)."""
    low = CUT / energy
    while True:
        y = low ** np.random.random()
        if np.random.random() * 4.0 / 3.0 < 4.0 / 3.0 * (1.0 - y) + y * y:
            return y


@njit(cache=True)
def pair_share():
    """Part of a photon's energy that the electron takes: 1 - 4/3 x (1 - x)."""
    while True:
        x = np.random.random()
        if np.random.random() < 1.0 - 4.0 / 3.0 * x * (1.0 - x):
            return x


@njit(cache=True)
def deposit(energy, x, y, z, material, out):
    """Count energy at a place: `out` is (cells, over, periods, rings, leaked)."""
    cells, over, periods, rings, leaked = out
    if z < 0.0 or z >= DEPTH:
        leaked[1 if z >= DEPTH else 0] += energy
        return
    periods[int(z / PERIOD), material] += energy
    ring = int(math.sqrt(x * x + y * y) / 2.0)
    rings[min(ring, RINGS - 1)] += energy
    if material == 0:
        return
    layer = 0
    while z >= ENDS[layer]:
        layer += 1
    if abs(x) >= HALF_WIDTH or abs(y) >= HALF_WIDTH:
        over[layer] += energy
        return
    column = int((x + HALF_WIDTH) * COLUMNS[layer] / (2 * HALF_WIDTH))
    row = int((y + HALF_WIDTH) * ROWS[layer] / (2 * HALF_WIDTH))
    cells[STARTS[layer] + row * COLUMNS[layer] + column] += energy


@njit(cache=True)
def push(stack, top, kind, energy, x, y, z, ux, uy, uz):
    """Let a particle wait; the new height of the stack."""
    stack[top, 0], stack[top, 1] = kind, energy
    stack[top, 2], stack[top, 3], stack[top, 4] = x, y, z
    stack[top, 5], stack[top, 6], stack[top, 7] = ux, uy, uz
    return top + 1


@njit(cache=True)
def photon(stack, top, out):
    """Follow the photon at the top of the stack to what it makes; the new height."""
    top -= 1
    energy, x, y, z = stack[top, 1], stack[top, 2], stack[top, 3], stack[top, 4]
    ux, uy, uz = stack[top, 5], stack[top, 6], stack[top, 7]
    known = 0.0
    lead = argon = lead_pairs = argon_pairs = lead_scatters = argon_scatters = 0.0
    while True:
        material, way = to_boundary(z, uz)
        if energy < PHOTON_CUT or z < 0.0 or z >= DEPTH:
            deposit(energy, x, y, z, material, out)
            return top
        if energy != known:
            scatters, known = compton(energy), energy
            lead_pairs, argon_pairs = pair_rate(energy, 0) / X0[0], pair_rate(energy, 1) / X0[1]
            lead_scatters, argon_scatters = scatters * DENSITY[0], scatters * DENSITY[1]
            lead = lead_pairs + lead_scatters + ABSORPTION[0] / energy**2
            argon = argon_pairs + argon_scatters + ABSORPTION[1] / energy**2
        if material == 0:
            rate, pairs, scatters = lead, lead_pairs, lead_scatters
        else:
            rate, pairs, scatters = argon, argon_pairs, argon_scatters
        free = np.random.exponential(1.0) / rate
        step = min(free, way, 1e3)
        x, y, z = x + step * ux, y + step * uy, z + step * uz
        if free > step:
            continue
        drawn = np.random.random() * rate
        if drawn < pairs:
            share = pair_share()
            phi = 2 * math.pi * np.random.random()
            for part, turn in ((share, phi), (1.0 - share, phi + math.pi)):
                one = part * energy
                angle = min(MASS / max(one, MASS), 1.0)
                vx, vy, vz = turned(ux, uy, uz, math.cos(angle), turn)
                top = push(stack, top, ELECTRON, one, x, y, z, vx, vy, vz)
            return top
        if drawn >= pairs + scatters:
            return push(stack, top, ELECTRON, energy, x, y, z, ux, uy, uz)
        share, cosine = compton_share(energy)
        rest, phi = share * energy, 2 * math.pi * np.random.random()
        kicked = energy - rest
        momentum = math.sqrt(kicked * (kicked + 2 * MASS))
        if momentum > 0:
            toward = min(1.0, (energy - rest * cosine) / momentum)
            vx, vy, vz = turned(ux, uy, uz, toward, phi + math.pi)
            top = push(stack, top, ELECTRON, kicked, x, y, z, vx, vy, vz)
        ux, uy, uz = turned(ux, uy, uz, cosine, phi)
        energy = rest


@njit(cache=True)
def electron(stack, top, out):
    """Follow the electron or positron at the top of the stack to its end; the new height."""
    top -= 1
    energy, x, y, z = stack[top, 1], stack[top, 2], stack[top, 3], stack[top, 4]
    ux, uy, uz = stack[top, 5], stack[top, 6], stack[top, 7]
    while True:
        material, way = to_boundary(z, uz)
        if energy < CUT or z < 0.0 or z >= DEPTH:
            deposit(energy, x, y, z, material, out)
            return top
        length = X0[material]
        part = radiates(energy, material)
        rate = part * radiation_rate(energy) / length
        free = np.random.exponential(1.0) / rate if rate > 0 else np.inf
        # Photons below the cut are a loss that is spread evenly, as ionisation is.
        y_cut = min(1.0, CUT / energy)
        soft = 4.0 / 3.0 * y_cut - 2.0 / 3.0 * y_cut**2 + y_cut**3 / 3.0
        soft *= part * energy / length
        loss = LOSS[material] + soft
        scattering = (STEP_ANGLE * energy / 13.6) ** 2 * length
        step = min(free, way, scattering, max(STEP_LOSS * energy, 0.3 * CUT) / loss, length)
        lost = min(energy, step * loss)
        deposit(lost, x + 0.5 * step * ux, y + 0.5 * step * uy, z + 0.5 * step * uz, material, out)
        x, y, z = x + step * ux, y + step * uy, z + step * uz
        mean = max(energy - 0.5 * lost, 0.5 * CUT)
        energy -= lost
        # Moliere's multiple scattering as a Gaussian in each plane, 13.6 MeV / E sqrt(x / X0).
        width = 13.6 / mean * math.sqrt(step / length)
        angle = width * math.sqrt(2 * np.random.exponential(1.0))
        phi = 2 * math.pi * np.random.random()
        ux, uy, uz = turned(ux, uy, uz, math.cos(min(angle, math.pi)), phi)
        if free <= step and energy > CUT:
            taken = energy * radiated(energy)
            angle = min(MASS / energy, 1.0)
            phi = 2 * math.pi * np.random.random()
            vx, vy, vz = turned(ux, uy, uz, math.cos(angle), phi)
            top = push(stack, top, PHOTON, taken, x, y, z, vx, vy, vz)
            energy -= taken


@njit(cache=True)
def pion(stack, top, out):
    """Follow the charged pion at the top of the stack until it stops or interacts.

    Parametrised: an interaction has 2 + 0.5 ln^2(1 + E/GeV) pions in the mean, each of three kinds
    alike; a quarter of the energy, with fluctuations, is lost to nuclei and not seen.
    """
    top -= 1
    energy, x, y, z = stack[top, 1], stack[top, 2], stack[top, 3], stack[top, 4]
    ux, uy, uz = stack[top, 5], stack[top, 6], stack[top, 7]
    while True:
        material, way = to_boundary(z, uz)
        if energy < CUT or z < 0.0 or z >= DEPTH:
            deposit(energy, x, y, z, material, out)
            return top
        free = np.random.exponential(1.0) * INTERACTION[material]
        # A slow pion ionises more: 1 / beta^2.
        beta2 = 1.0 - (PION_MASS / (energy + PION_MASS)) ** 2
        beta2 = max(beta2, 0.05)
        loss, xi = LOSS[material] / beta2, XI * DENSITY[material] / beta2
        step = min(free, way, STEP_LOSS * energy / loss + 0.01)
        lost = min(energy, step * (loss - xi * math.log(DELTA_MAX / DELTA_CUT)))
        deposit(lost, x + 0.5 * step * ux, y + 0.5 * step * uy, z + 0.5 * step * uz, material, out)
        energy -= lost
        kicks = 1.0 / DELTA_CUT - 1.0 / DELTA_MAX
        for _ in range(np.random.poisson(xi * step * kicks)):
            kicked = min(energy, 1.0 / (1.0 / DELTA_CUT - np.random.random() * kicks))
            energy -= kicked
            cx, cy, cz = x + 0.5 * step * ux, y + 0.5 * step * uy, z + 0.5 * step * uz
            if kicked < CUT:
                deposit(kicked, cx, cy, cz, material, out)
            else:
                top = push(stack, top, ELECTRON, kicked, cx, cy, cz, ux, uy, uz)
        x, y, z = x + step * ux, y + step * uy, z + step * uz
        if free > step:
            continue
        if energy < HADRON_CUT:
            deposit(energy, x, y, z, material, out)
            return top
        hidden = energy * min(0.9, max(0.0, np.random.normal(0.25, 0.1)))
        out[4][2] += hidden
        energy -= hidden
        count = 2 + np.random.poisson(0.5 * math.log(1.0 + energy / 1000.0) ** 2)
        parts = np.empty(count)
        for k in range(count):
            parts[k] = np.random.exponential(1.0)
        parts *= energy / parts.sum()
        for k in range(count):
            # A transverse momentum of 350 MeV in the mean.
            across = np.random.gamma(2.0, 175.0)
            sine = min(1.0, across / (parts[k] + PION_MASS))
            cosine = math.sqrt(1.0 - sine * sine)
            phi = 2 * math.pi * np.random.random()
            vx, vy, vz = turned(ux, uy, uz, cosine, phi)
            if np.random.random() < 2.0 / 3.0:
                top = push(stack, top, PION, parts[k], x, y, z, vx, vy, vz)
                continue
            # A neutral one is two photons of one direction, as far as cells can see.
            share = np.random.random()
            for part in (share, 1.0 - share):
                top = push(stack, top, PHOTON, part * parts[k], x, y, z, vx, vy, vz)
        return top


@njit(cache=True)
def shower(kind, energy, seed, stack, out):
    """One shower of a particle that enters in the middle along z."""
    np.random.seed(seed)
    top = push(stack, 0, kind, energy, 0.0, 0.0, 1e-9, 0.0, 0.0, 1.0)
    while top > 0:
        if top > STACK - 2000:
            raise ValueError("too many particles wait in one shower")
        kind = int(stack[top - 1, 0])
        if kind == PHOTON:
            top = photon(stack, top, out)
        elif kind == ELECTRON:
            top = electron(stack, top, out)
        else:
            top = pion(stack, top, out)


@njit(cache=True)
def showers(
    kind: int,
    energies: NDArray[np.float64],
    seeds: NDArray[np.uint32],
    cells: NDArray[np.float64],
    over: NDArray[np.float64],
    periods: NDArray[np.float64],
    rings: NDArray[np.float64],
    leaked: NDArray[np.float64],
) -> None:
    """Fill showers of one kind of particle, a row each; energies in MeV."""
    stack = np.empty((STACK, 8))
    for i in range(len(energies)):
        out = (cells[i], over[i], periods[i], rings[i], leaked[i])
        shower(kind, energies[i], seeds[i], stack, out)
