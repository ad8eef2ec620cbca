"""A workspace and a datacard say the same: expectations by pyhf and by the card, bin by bin."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyhf

from support.datacards import Datacard

CLOSE = {"rtol": 1e-6, "atol": 2e-6}
"""Numbers of the text have ten digits; a millionth of an event is what an empty bin has."""


def shifts(model: pyhf.Model) -> Iterator[tuple[str, int, float, bool]]:
    """Parameters as the card calls them: index, standard deviation, whether it is constrained."""
    for name in model.config.par_order:
        part, place = model.config.par_map[name]["paramset"], model.config.par_slice(name)
        plain = re.sub(r"\W", "_", name)
        scalar = bool(part.is_scalar)
        for k, index in enumerate(range(place.start, place.stop)):
            gaussian = part.constrained and part.pdf_type == "normal"
            width = 1.0
            if gaussian and not scalar:
                width = float(part.sigmas[k])
            yield plain if scalar else f"{plain}_bin{k + 1}", index, width, gaussian


def same(spec: Mapping[str, Any], card: Datacard, lowest: float = 0.0) -> int:
    """Assert that expectations are equal at the start and with each parameter shifted; how many.

    Args:
        spec: HistFactory JSON.
        card: as it was read.
        lowest: smallest factor of a statistical error that the card has.
    """
    settings = {"normsys": {"interpcode": "code4"}, "histosys": {"interpcode": "code4p"}}
    model = pyhf.Workspace(spec).model(
        measurement_name=spec["measurements"][0]["name"], modifier_settings=settings
    )
    start = np.array(model.config.suggested_init())

    def compare(values: np.ndarray, found: Mapping[str, np.ndarray]) -> None:
        expected = model.expected_actualdata(values)
        for channel, place in model.config.channel_slices.items():
            assert np.allclose(found[re.sub(r"\W", "_", channel)], expected[place], **CLOSE)

    compare(start, card.expected())
    tested, free, fixed = 0, card.starts(), model.config.suggested_fixed()
    for name, index, width, gaussian in shifts(model):
        sides = (-1, 1) if gaussian else (2.0,)
        for side in sides:
            values = start.copy()
            if gaussian:
                factor = name.startswith("staterror_")  # which pyhf would let be negative
                values[index] = max(start[index] + side * width, lowest if factor else -np.inf)
            else:
                values[index] = start[index] * side
            if name not in card.nuisances and name not in free:
                # Fixed, or nothing that changes more than an empty bin of the signal.
                assert fixed[index] or np.allclose(
                    model.expected_actualdata(values), model.expected_actualdata(start), **CLOSE
                )
                continue
            if gaussian:
                compare(values, card.expected(shift=(name, int(side))))
            else:
                compare(values, card.expected(factors={name: free[name] * side}))
            tested += 1
    return tested
