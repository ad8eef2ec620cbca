"""Reweighted events against events that Pythia generates with other scales and densities."""

import awkward as ak
import numpy as np
import pytest

from boostflow.config.chain import Simulation
from boostflow.processes import PROCESSES
from boostflow.simulate.generator import Generator, settings
from boostflow.simulate.theory import PDF_SETS
from boostflow.theory import SCALES

HARD_PROCESS_ALONE = ("PartonLevel:all = off", "HadronLevel:all = off")


def generated(process: str, *lines: str) -> tuple[Generator, ak.Array, np.ndarray]:
    """The generator, what it says of 2,000 events, and cross-section with error."""
    lines = (*HARD_PROCESS_ALONE, *lines)
    generator = Generator(
        settings(PROCESSES[process], Simulation(), lines, 3), PROCESSES[process].alpha_s
    )
    info = next(generator.batches(2000, 2000)).info
    xsec = generator.cross_section()
    return generator, info, np.array([xsec.value, xsec.error])


@pytest.mark.parametrize("process", ["top", "quark", "w"])
def test_mean_weights_are_ratios_of_cross_sections(process: str) -> None:
    generator, info, nominal = generated(process)
    scales = dict(zip(SCALES, generator.theory.scales(info).T, strict=True))
    densities = dict(zip(PDF_SETS, generator.theory.densities(info).T[1:], strict=True))
    for weights, lines in (
        (scales[2.0, 1.0], ["SigmaProcess:renormMultFac = 4."]),
        (scales[1.0, 0.5], ["SigmaProcess:factorMultFac = 0.25"]),
        (scales[0.5, 2.0], ["SigmaProcess:renormMultFac = .25", "SigmaProcess:factorMultFac = 4."]),
        (densities[17], ["PDF:pSet = 17"]),
        (densities[5], ["PDF:useHard = on", "PDF:pHardSet = 5"]),
    ):
        *_, other = generated(process, *lines)
        ratio = other[0] / nominal[0]
        error = ratio * np.hypot(other[1] / other[0], nominal[1] / nominal[0])
        error = np.hypot(error, weights.std() / np.sqrt(len(weights)))
        assert error < 0.03
        assert abs(weights.mean() - ratio) < 4 * error
