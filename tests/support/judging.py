"""The stages that judge models, run on the files of `factory`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from boostflow.config.chain import Evaluate as Block
from boostflow.evaluate import run
from boostflow.jobs.models import Evaluate, Judged
from boostflow.models.family import families
from support.factory import SAMPLES

LABEL = ("test", "13 TeV")


def judged(kind: str, labels: Sequence[str] = SAMPLES, **keys: Any) -> Judged:
    """How a model is judged.

    Args:
        kind: its family.
        labels: classes of the samples.
        keys: of its block.
    """
    return Judged.of(families()[kind].block(**keys), sorted(labels))


JUDGED = {"bdt": judged("bdt"), "ucluster": judged("ucluster", embedding=3)}
"""Of the two models that `factory.write_run` leaves."""


def evaluate(
    jets: Sequence[Path], scores: Path, model: Path, figures: Path, plots: Path, **job: Any
) -> None:
    """The stage evaluate with files of these names.

    Args:
        jets: selected jets.
        scores: score table.
        model: folder of the model.
        figures: JSON to write.
        plots: folder of the plots to write.
        job: keys of the job besides `label`, `kind` (of the model's name, if it is not given) and
            what has a default; by default ten resamplings.
    """
    keys = {"kind": job["name"], "evaluate": Block(bootstrap=10), "label": LABEL} | job
    files = Evaluate.Files(jets=jets, scores=scores, model=model, figures=figures, plots=plots)
    run.evaluate(Evaluate(**keys), files)
