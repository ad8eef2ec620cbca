"""What test_merged_models.py runs in a process of its own: `merged_models.py FOLDER`.

It adds the families of tests/support/families to those of boostflow before the configuration is
imported, and prints what is to be run in several situations as JSON.
"""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path
from typing import Any

import boostflow.models

TESTS = Path(__file__).resolve().parents[1]
boostflow.models.__path__.append(str(TESTS / "support/families"))
sys.path.insert(0, str(TESTS))

from boostflow.config.load import load  # noqa: E402
from boostflow.errors import BoostflowError  # noqa: E402
from support.plans import CONFIG, Plan  # noqa: E402

MODELS = {
    "shallow": {"kind": "bdt", "max_depth": 2},
    "deep": {"kind": "bdt", "max_depth": 6},
    "middle": {"kind": "averaged", "of": ["shallow", "deep"]},
    "whole": {"kind": "averaged", "of": ["middle"]},
}
REGIONS = {
    "pass": {"model": "whole", "range": [0.9, 1.0]},
    "fail": {"model": "whole", "range": [0.0, 0.9]},
}


def plan(folder: Path) -> Plan:
    """A merged model of a merged model of two others, whose score the regions read."""
    folder.mkdir()
    config = copy.deepcopy(CONFIG) | {"models": MODELS, "templates": {"regions": REGIONS}}
    return Plan(folder, config, {"lumi": {"kind": "rate", "value": 0.02}})


def added(folder: Path, model: str, change: dict[str, Any]) -> list[list[str]]:
    """The jobs that one variation of a model adds to a finished run."""
    here = plan(folder)
    here.finish()
    here.systematics["varied"] = {"kind": "model", "model": model, "up": change}
    return sorted(map(list, here.jobs()))


def problems(of: list[str], **more: Any) -> str:
    """What is said of a merged model that is made from some models."""
    models = {"shallow": MODELS["shallow"], "whole": {"kind": "averaged", "of": of}} | more
    try:
        load({"models": models, "systematics": None, "infer": None}, TESTS.parent)
    except BoostflowError as error:
        return str(error)
    return ""


def main(folder: Path) -> None:
    """Print all of it."""
    inputs = plan(folder / "inputs")
    print(
        json.dumps(
            {
                "inputs": {
                    model: inputs.inputs(("train_averaged", f"{model}/nominal"))
                    for model in ("middle", "whole")
                },
                "below": added(folder / "below", "shallow", {"max_depth": 3}),
                "itself": added(folder / "itself", "whole", {"seed": 2}),
                "unknown": problems(["shalow"]),
                "cycle": problems(["ring"], ring={"kind": "averaged", "of": ["whole"]}),
                "own": problems(["whole"]),
                "good": problems(["shallow"]),
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
