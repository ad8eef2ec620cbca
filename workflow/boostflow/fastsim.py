"""Simulation with a trained model in the place of a part of it: what `simulate` itself cannot know.

Models stand above the simulation, which is told what makes showers.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from boostflow.errors import BoostflowError

if TYPE_CHECKING:
    from boostflow.jobs.chain import Simulate
    from boostflow.simulate.calorimeter import Source


def run(job: Simulate, files: Simulate.Files) -> None:
    """Make one part of a sample; see `boostflow.simulate.production.run`.

    Args:
        job: the settings, which may name a trained model as calorimeter.
        files: the ROOT file to write.

    Raises:
        BoostflowError: there is no such model, or a setting that Pythia does not accept.
    """
    from boostflow.simulate import production

    model = job.simulation.detector.shower_model
    source = None if model is None else by_model(Path(model))
    production.run(job, files, source=source)


def by_model(model: Path) -> Source:
    """Showers by a trained model.

    Args:
        model: its folder.

    Raises:
        BoostflowError: there is no such model, or it is none of this calorimeter.
    """
    from boostflow.models.generated import described, generate
    from boostflow.simulate.calorimeter import Source

    try:
        low, high = described(model)["energies"]
    except BoostflowError as error:
        raise BoostflowError(
            f"simulation.detector.calorimeter: {error}; name none, cascade or the folder of a"
            " trained model that generates showers"
        ) from None
    return Source(low, high, lambda energy, seed: generate(model, energy, seed))
