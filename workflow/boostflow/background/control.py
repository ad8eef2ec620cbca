"""The normalisation of a process from a region rich in it.

    factor = (N_data - N_others) / N_simulated

in the control region, with the errors of data (`stat`), of the simulated events (`simulation`) and
of what is subtracted (`subtraction`: its statistics and a common change of each process' yield).
The estimate in another region is its transfer factor, simulated events there over those in the
control region, times N_data - N_others: the same as the factor times what is simulated there.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from boostflow.background.abcd import Yield
from boostflow.errors import BoostflowError


def factor(
    name: str, data: Yield, mine: Yield, others: Mapping[str, Yield], uncertainty: float
) -> dict[str, float]:
    """The scale factor: `value`, `stat`, `simulation`, `subtraction`, `error`, and `purity`.

    Args:
        name: of the control region, for messages.
        data: events in it.
        mine: simulated events of the process.
        others: simulated events of each other process.
        uncertainty: relative, of the yield of each of them.

    Raises:
        BoostflowError: nothing is simulated, or nothing is left after subtraction.
    """
    rest = data.value - sum(n.value for n in others.values())
    if not mine.value > 0:
        raise BoostflowError(
            f"background.control.{name}: no simulated event of its samples in the region"
        )
    if not rest > 0:
        raise BoostflowError(
            f"background.control.{name}: {data.value:.4g} events, of which {data.value - rest:.4g} "
            "are other processes: nothing is left to normalise"
        )
    value = rest / mine.value
    parts = {
        "stat": np.sqrt(data.variance) / mine.value,
        "simulation": value * np.sqrt(mine.variance) / mine.value,
        "subtraction": np.sqrt(
            sum(n.variance + (uncertainty * n.value) ** 2 for n in others.values())
        )
        / mine.value,
    }
    return {
        "value": float(value),
        **{part: float(error) for part, error in parts.items()},
        "error": float(np.sqrt(sum(error**2 for error in parts.values()))),
        "purity": float(mine.value / (mine.value + sum(n.value for n in others.values()))),
    }


def transfer(mine: Yield, there: Yield, scale: Mapping[str, float]) -> dict[str, float]:
    """Transfer factor to another region and the estimate there, with errors.

    Args:
        mine: simulated events of the process in the control region.
        there: in the other region, which shares no event with it.
        scale: the result of `factor`.
    """
    ratio = there.value / mine.value
    relative = np.sqrt(there.variance / there.value**2 + mine.variance / mine.value**2)
    outside = np.hypot(scale["stat"], scale["subtraction"]) / scale["value"]
    estimate = ratio * scale["value"] * mine.value
    return {
        "transfer": float(ratio),
        "transfer_error": float(ratio * relative),
        "estimate": float(estimate),
        "estimate_error": float(estimate * np.hypot(relative, outside)),
    }
