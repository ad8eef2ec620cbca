"""Simulated tracks: energy loss, flight and impact parameters against reference values."""

from __future__ import annotations

import math
from decimal import Decimal, getcontext
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from pydantic import ValidationError
from scipy.integrate import quad
from scipy.optimize import brentq, minimize_scalar

from boostflow.generators.pid.block import SPECIES, TPC, Tracks
from boostflow.generators.pid.generate import generate
from boostflow.generators.pid.response import (
    LIGHT,
    MASS,
    beta,
    bethe_bloch,
    length,
    spectrum,
)

CURVE = TPC().bethe_bloch
N = 20_000
EXACT: dict[str, Any] = {
    "momentum_resolution": 0,
    "secondaries": {},
    "tpc": {"eta_slope": 0},
    "tof": {"mismatch": 0, "acceptance": 1},
}


def tracks(seed: int = 1, n: int = N, **settings: Any) -> dict[str, np.ndarray]:
    block = Tracks.model_validate({"species": {"kaon": 1}} | settings)
    return generate(block, range(n), np.random.default_rng(seed))


def decimal_bethe_bloch(beta_gamma: str) -> float:
    """The same form with 40 digits."""
    getcontext().prec = 40
    k1, k2, k3, k4, k5 = (Decimal(repr(k)) for k in CURVE)
    bg = Decimal(beta_gamma)
    power = (bg / (1 + bg * bg).sqrt()) ** k4
    return float((k2 - power - (k3 + (1 / bg) ** k5).ln()) * k1 / power)


def test_bethe_bloch_with_many_digits() -> None:
    points = ["0.2", "0.5", "1", "3.5", "10", "100", "5000"]
    found = bethe_bloch([float(x) for x in points], CURVE)
    assert_allclose(found, [decimal_bethe_bloch(x) for x in points], rtol=1e-12)


def test_bethe_bloch_is_that_of_a_gas() -> None:
    """Minimum near beta gamma 3.5 of about 1, by its definition; plateau 1.4 times as high."""
    least = minimize_scalar(lambda x: float(bethe_bloch(x, CURVE)), bounds=(1, 10))
    assert 3 < least.x < 4
    assert_allclose(least.fun, 1.0, atol=0.04)
    assert_allclose(bethe_bloch(1e5, CURVE) / least.fun, 1.4, atol=0.1)
    # Non-relativistic energy loss goes with 1 / beta^2, up to the logarithm.
    slope = math.log(bethe_bloch(0.2, CURVE) / bethe_bloch(0.3, CURVE)) / math.log(2 / 3)
    assert -2.2 < slope < -1.4


@pytest.mark.parametrize(
    ("one", "two", "between"),
    [
        ("electron", "kaon", (0.45, 0.65)),
        ("pion", "kaon", (0.9, 1.2)),
        ("electron", "proton", (0.9, 1.2)),
        ("pion", "proton", (1.5, 1.9)),
        ("kaon", "proton", (2.2, 2.8)),
    ],
)
def test_bands_cross_where_they_are_known_to(
    one: Any, two: Any, between: tuple[float, float]
) -> None:
    def difference(p: float) -> float:
        return float(bethe_bloch(p / MASS[one], CURVE) - bethe_bloch(p / MASS[two], CURVE))

    assert between[0] < brentq(difference, 0.35, 3) < between[1]


def test_velocity_and_time_of_flight() -> None:
    assert_allclose(beta(0.493677, MASS["kaon"]), 1 / math.sqrt(2), rtol=1e-12)
    assert_allclose(beta(0.0, MASS["pion"]), 0)
    # 1 GeV at 3.7 m: a kaon is 1.303 ns later than a pion, by L/c (sqrt(1 + m^2/p^2) - ...).
    times = {name: 3.7 / (LIGHT * beta(1.0, MASS[name])) for name in ("pion", "kaon")}
    late = 3.7 / 0.299792458 * (math.sqrt(1 + 0.493677**2) - math.sqrt(1 + 0.13957039**2))
    assert_allclose(times["kaon"] - times["pion"], late, rtol=1e-12)
    assert_allclose(late, 1.303, atol=1e-3)


def test_length_of_a_helix() -> None:
    """Walked in small steps; a straight line at high momentum, nothing below the turning point."""
    radius, field, pt = 3.7, 0.5, 0.35
    curvature, step = pt / (0.299792458 * field), 1e-5
    x = y = walked = 0.0
    while math.hypot(x, y) < radius:
        x += step * math.cos(walked / curvature)
        y += step * math.sin(walked / curvature)
        walked += step
    assert_allclose(length(pt, 0.0, radius, field), walked, rtol=1e-4)
    assert_allclose(length(100.0, 0.7, radius, field), 3.7 * math.cosh(0.7), rtol=1e-4)
    turning = 0.299792458 * field * radius / 2
    assert np.isnan(length(0.999 * turning, 0.0, radius, field))
    assert length(1.001 * turning, 0.0, radius, field) > radius


@pytest.mark.parametrize("species", SPECIES)
def test_spectra(species: Any) -> None:
    def density(pt: float) -> float:
        return float(spectrum(np.array(pt), species))

    total = quad(density, 0.2, 5)[0]
    mean = quad(lambda pt: pt * density(pt), 0.2, 5)[0] / total
    square = quad(lambda pt: pt**2 * density(pt), 0.2, 5)[0] / total
    found = tracks(species={species: 1}, momentum_resolution=0)["pt"]
    assert found.min() >= 0.2
    assert found.max() <= 5
    assert_allclose(found.mean(), mean, atol=5 * math.sqrt((square - mean**2) / N))


def test_a_flat_spectrum() -> None:
    found = tracks(spectrum="flat", momentum_resolution=0)["pt"]
    below = np.mean(found < 1.0)  # the geometric mean of 0.2 and 5
    assert_allclose(below, 0.5, atol=5 * 0.5 / math.sqrt(N))


def test_heavier_particles_are_harder() -> None:
    means = [tracks(species={name: 1})["pt"].mean() for name in ("pion", "kaon", "proton")]
    assert means == sorted(means)


def test_deviations_are_normal_where_the_calibration_is_right() -> None:
    found = tracks(**EXACT)
    for name, spread in (("tof", 1.0), ("tpc", np.sqrt(np.mean(120 / found["clusters"])))):
        pull = found[f"{name}_nsigma_kaon"]
        pull = pull[~np.isnan(pull)]
        assert_allclose(pull.mean(), 0, atol=5 / math.sqrt(len(pull)))
        assert_allclose(pull.std(), spread, rtol=5 / math.sqrt(2 * len(pull)))
    width = 0.0026 + 0.0050 / found["pt"]
    assert_allclose((found["dca_z"] / width).std(), 1, rtol=5 / math.sqrt(2 * N))
    both = np.hypot(found["tpc_nsigma_pion"], found["tof_nsigma_pion"])
    seen = ~np.isnan(both)
    assert_allclose(found["nsigma_pion"][seen], both[seen])
    alone, above = np.abs(found["tpc_nsigma_pion"]), found["p"] >= 0.6
    assert_allclose(found["nsigma_pion"][~seen & ~above], alone[~seen & ~above])
    assert (found["nsigma_pion"][~seen & above] == 100).all()


def test_the_velocity_tells_the_mass() -> None:
    found = tracks(species={"proton": 1}, **EXACT)
    fast = found["p"] < 1
    mass = found["p"] * np.sqrt(1 / found["beta"] ** 2 - 1)
    assert_allclose(np.nanmedian(mass[fast]), MASS["proton"], rtol=0.005)


def test_where_the_time_is_missing() -> None:
    """Below the turning point always; above it as the acceptance says, less what decays."""
    found = tracks(species={"proton": 1}, tof={"acceptance": 0.6})
    missing = np.isnan(found["beta"])
    assert_allclose(np.isnan(found["tof_nsigma_pion"]), missing)
    assert missing[found["pt"] < 0.27].all()
    part = missing[found["pt"] > 0.29]
    assert_allclose(part.mean(), 0.4, atol=5 * math.sqrt(0.24 / len(part)))
    slow = [np.isnan(tracks(species={x: 1})["beta"]).mean() for x in ("kaon", "proton")]
    assert slow[0] > slow[1] + 0.2
    assert not any(np.isnan(found[name]).any() for name in ("p", "dedx", "dca_xy", "nsigma_kaon"))


def test_what_calibrations_know_nothing_of() -> None:
    """A gain moves all deviations of the TPC, an offset those of the time, both by known parts."""
    right, wrong = tracks(**EXACT), tracks(**EXACT | {"tpc": {"eta_slope": 0, "gain": 1.03}})
    scale = 1 + 0.06 * right["tpc_nsigma_kaon"]
    assert_allclose(1 + 0.06 * wrong["tpc_nsigma_kaon"], 1.03 * scale)
    tof = {**EXACT["tof"], "offset": 40}
    late = tracks(**EXACT | {"tof": tof})["tof_nsigma_kaon"] - right["tof_nsigma_kaon"]
    assert_allclose(late[~np.isnan(late)], 0.5, rtol=1e-6)


def test_mixtures_and_secondaries() -> None:
    found = tracks(species={"pion": 3, "electron": 1}, secondaries={"electron": 1.0})
    electron = found["pdg"] == 11
    assert_allclose(electron.mean(), 0.25, atol=5 * math.sqrt(0.1875 / N))
    assert set(found["pdg"]) == {11, 211}
    away = np.abs(found["dca_xy"]) > 0.1
    assert away[electron].mean() > 0.5
    assert away[~electron].mean() < 0.01


def test_settings_are_changed_key_by_key() -> None:
    block = Tracks(species={"kaon": 1}, tpc=TPC(resolution=0.08))
    varied = block.merged({"tpc": {"gain": 1.02}, "species": {"pion": 1}})
    assert (varied.tpc.gain, varied.tpc.resolution) == (1.02, 0.08)
    assert varied.species == {"pion": 1}
    with pytest.raises(ValidationError, match="gain"):
        block.merged({"tpc": {"gain": 0}})
