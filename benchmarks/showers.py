"""Time of a generated shower on one core, beside the cascade in the same run.

Each family that generates is trained on a few showers, unless --model names a trained model. CPU
milliseconds a shower, the best of several rounds, for some sizes of a batch. CaloGAN's row is the
published one of a CPU (arXiv:1712.10321), of another machine; so is that of Geant4.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import awkward as ak
import numpy as np

from boostflow.calorimeter import cascade
from boostflow.calorimeter.shapes import columns_of
from boostflow.io import write_parquet
from boostflow.jobs.models import Train
from boostflow.models import generated, stage
from boostflow.models.family import families
from boostflow.models.generating import Generates
from command import run

BATCHES = (1, 10, 128, 1024)
PUBLISHED = (13.1, 5.11, 2.19, 2.03)
"""CaloGAN on a CPU, ms a shower; Geant4 takes 1772 ms there."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--model", type=Path, metavar="DIR", help="folder of a trained model")
    parser.add_argument("--showers", type=int, default=200, metavar="N", help="of the cascade")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="repetitions")


def main(args: argparse.Namespace) -> None:
    """Measure and print a table."""
    energy = cascade.energies(args.showers, 1.0, 100.0, 3)
    cascade.simulate("e+", energy[:1], 3)  # compiles
    begin = time.process_time()
    found, _ = cascade.simulate("e+", energy, 3)
    slow = 1000 * (time.process_time() - begin) / args.showers
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        for model in [args.model] if args.model else trained(Path(folder), found):
            about = generated.described(model)
            generator = families()[about["kind"]].module("generator").load(model)
            rows[about["kind"]] = [timed(generator, about["energies"], n, args) for n in BATCHES]
    print(f"showers of e+ of 1 to 100 GeV, ms a shower on one core\n{'batch':28}", end="")
    print("".join(f"{batch:>10}" for batch in BATCHES))
    for kind, times in rows.items():
        print(f"{kind:28}" + "".join(f"{t:10.4f}" for t in times))
    print(f"{'cascade':28}" + f"{slow:10.2f}" * len(BATCHES))
    for kind, times in rows.items():
        print(f"{'cascade / ' + kind:28}" + "".join(f"{slow / t:10.0f}" for t in times))
    print(f"{'CaloGAN, published, CPU':28}" + "".join(f"{t:10.2f}" for t in PUBLISHED))
    print(f"{'Geant4, published, CPU':28}" + f"{1772:10.0f}")


def timed(
    generator: Generates, limits: tuple[float, float], batch: int, args: argparse.Namespace
) -> float:
    """Milliseconds a shower of batches of a size."""
    rng = np.random.default_rng(1)
    wanted = rng.uniform(*limits, batch)
    repeats = max(1, 128 // batch)

    def once() -> None:
        for _ in range(repeats):
            generator.generate(wanted, rng)

    return best(once, args.rounds) / repeats / batch


def best(action: Callable[[], None], rounds: int) -> float:
    """CPU milliseconds of the fastest of several rounds."""
    action()
    found = []
    for _ in range(rounds):
        begin = time.process_time()
        action()
        found.append(time.process_time() - begin)
    return 1000 * min(found)


def trained(folder: Path, found: cascade.Showers) -> list[Path]:
    """Models of all families that generate, trained on some showers."""
    size = len(found.energy)
    rows = columns_of(found.energy, found.cells) | {"split": np.arange(size) % 5 // 4}
    write_parquet(folder / "e.parquet", ak.Array(rows))
    models = []
    for kind, family in families().items():
        if family.generator is None:
            continue
        models.append(folder / kind)
        files = Train.Files(jets=[folder / "e.parquet"], output=models[-1])
        stage.train(Train(name=kind, model=family.block()), files)
    return models


if __name__ == "__main__":
    run(main, arguments, __doc__)
