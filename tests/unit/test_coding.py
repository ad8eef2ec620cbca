"""The coder takes as many bits as probabilities say, and gives back what it was given."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from boostflow.coding.entropy import Decoder, Encoder, bits
from boostflow.coding.kernels import WHOLE, below
from boostflow.coding.mixture import PER_UNIT, Mixture, slope_of, tables, weight_of
from boostflow.errors import BoostflowError

CODES = 1000


def mixture(jets: int, seed: int) -> Mixture:
    """Three components of all widths, some of them without weight."""
    rng = np.random.default_rng(seed)
    return Mixture(
        rng.uniform(-200, 1200, (jets, 3)),
        slope_of(rng.uniform(-5, 10, (jets, 3))),
        weight_of(rng.normal(0, 20, (jets, 4))),
    )


def test_columns_come_back_and_cost_what_their_probabilities_say() -> None:
    rng = np.random.default_rng(1)
    jets = 3000
    given = [mixture(jets, seed) for seed in (1, 2)]
    columns = [
        np.clip(np.rint(one.mean[:, 0] + rng.logistic(0, 3, jets)), 0, CODES - 1).astype(np.int64)
        for one in given
    ]
    columns[0][:20] = rng.integers(0, CODES, 20)
    encoder = Encoder(2 * jets)
    for code, one in reversed(list(zip(columns, given, strict=True))):
        encoder.add(code, CODES, one)
    content = encoder.content()
    ideal = sum(bits(c, CODES, one).sum() for c, one in zip(columns, given, strict=True))
    assert 8 * len(content) == pytest.approx(ideal, rel=1e-3, abs=96)
    decoder = Decoder(content)
    for code, one in zip(columns, given, strict=True):
        np.testing.assert_array_equal(decoder.take(CODES, one), code)
    decoder.end()


def test_probabilities_of_all_codes_add_up_and_none_is_zero() -> None:
    one = mixture(20, 5)
    for jet in range(20):
        sums = [
            below(code, CODES, one.mean[jet], one.slope[jet], one.weight[jet], tables()[0])
            for code in range(CODES + 1)
        ]
        assert sums[0] == 0 and sums[-1] == WHOLE and (np.diff(sums) >= 1).all()


def test_a_single_logistic_is_that_of_the_formula() -> None:
    scale, mean = 8.0, 300.25
    given = Mixture(
        np.full((1, 1), mean), slope_of(np.full((1, 1), 3.0)), np.array([[1, 0]], np.int64)
    )
    for code in (250, 300, 310):
        edges = (np.array([code - 0.5, code + 0.5]) - mean) / scale
        wanted = -np.log2(np.diff(1 / (1 + np.exp(-edges)))[0])
        assert bits(np.array([code]), CODES, given)[0] == pytest.approx(wanted, abs=5e-3)


def test_tables_are_the_same_on_every_machine() -> None:
    """Decimal arithmetic makes them; what was compressed elsewhere depends on these very bits."""
    logistic, powers = tables()
    assert logistic[len(logistic) // 2] == WHOLE // 2 and len(powers) == 64
    assert slope_of(np.array([0.0]))[0] == PER_UNIT
    digest = hashlib.blake2b(logistic.astype("<i8").tobytes() + powers.astype("<f8").tobytes())
    assert digest.hexdigest()[:16] == "0090bbeee9321d53"


def test_words_that_are_missing_are_noticed() -> None:
    one = mixture(500, 3)
    encoder = Encoder(500)
    encoder.add(np.arange(500) * 2, CODES, one)
    content = encoder.content()
    with pytest.raises(BoostflowError, match="end"):
        decoder = Decoder(content[len(content) // 2 // 4 * 4 :])
        decoder.take(CODES, one)
        decoder.end()
    with pytest.raises(BoostflowError, match="too early"):
        Decoder(b"")
