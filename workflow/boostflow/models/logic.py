"""A trained model as integer logic: written as firmware, evaluated on jets, and what it costs.

da4ml (LGPL-3) makes it of additions, shifts and choices of integers. Its `cost` estimates look-up
tables: real Vivado reports of networks are at 0.97 to 1.13 of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from boostflow.errors import BoostflowError

if TYPE_CHECKING:
    from da4ml.types import CombLogic

    from boostflow.models.hardware import HardwareBlock

LOGIC, FIRMWARE = "logic.json", "firmware.json"
"""Files of a trained model: the integer logic, and what it costs."""
HDL, CPP = "hdl", "cpp"
"""Folders of a trained model: the firmware in Verilog or VHDL, and in C++."""
TOP = "tagger"
"""Name of the top module and function."""
REAL = (0.97, 1.13)
"""Look-up tables of real reports in units of da4ml's cost."""


def load(path: Path) -> CombLogic:
    """The logic in a file.

    Raises:
        BoostflowError: the file is missing or damaged.
    """
    from da4ml.types import CombLogic

    try:
        return CombLogic.load(path)
    except Exception as error:  # of many types
        raise BoostflowError(
            f"{path}: is no integer logic of da4ml ({type(error).__name__}): remove the folder, and"
            " it is trained again"
        ) from None


def logits(logic: CombLogic, values: NDArray[np.float32], threads: int) -> NDArray[np.float64]:
    """What the logic gives, (jets, classes).

    Args:
        logic: of a model.
        values: features on the grid, (jets, features).
        threads: that compute at the same time.
    """
    if not len(values):
        return np.empty((0, logic.shape[1]))
    return logic.predict(np.ascontiguousarray(values, np.float64), n_threads=threads)


def write(logic: CombLogic, folder: Path, config: HardwareBlock) -> dict[str, Any]:
    """Write logic and firmware; returns what the firmware costs.

    Args:
        logic: of the trained model.
        folder: of the model.
        config: of the model: language, clock, adders between registers.
    """
    from da4ml.codegen import HLSModel, RTLModel

    logic.save(folder / LOGIC)
    period = 1e3 / config.clock
    hdl = RTLModel(
        logic,
        TOP,
        folder / HDL,
        flavor=config.hdl,
        latency_cutoff=config.adders,
        clock_period=period,
    )
    hdl.write()
    HLSModel(logic, TOP, folder / CPP, clock_period=period).write()
    pipeline = hdl._pipe
    assert pipeline is not None
    cycles = len(pipeline.solutions)
    return {
        "lut": round(logic.cost),
        "lut_reports": [round(factor * logic.cost) for factor in REAL],
        "registers": int(pipeline.reg_bits),
        "cycles": cycles,
        "clock_mhz": config.clock,
        "latency_ns": cycles * period,
        "interval_cycles": 1,
        "hdl": config.hdl,
    }
