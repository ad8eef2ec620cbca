"""Time of the observables beside FastJet's, interleaved in one process on the same jets.

CPU seconds per 10,000 jets, the best of several rounds; the order changes from round to round, so
that a busy machine treats all alike. Jets are simulated unless --input names a NanoAOD-like file
with constituents.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import awkward as ak
import numpy as np

from boostflow.cli import run
from boostflow.observables import OBSERVABLES, compute
from boostflow.simulate import simulate
from boostflow.simulate.jets import constituents

FIELDS = ("pt", "eta", "phi", "mass", "charge")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--input", type=Path, metavar="FILE", help="ROOT file with PFCands")
    parser.add_argument("--jets", type=int, default=1000, metavar="N", help="jets to time")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="repetitions")
    parser.add_argument(
        "--mean", type=float, default=75, metavar="N", help="mean constituents of the chosen jets"
    )


def main(args: argparse.Namespace) -> None:
    """Measure and print a table."""
    if args.input:
        jets = read(args.input)
    else:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "top.root"
            simulate(path, sample="top", process="top", part=0, events=(args.jets * 2) // 3, seed=1)
            jets = read(path)
    jets = choose(jets, args.jets, args.mean)
    columns = [jets[name] for name in FIELDS]
    momenta = fastjet_momenta(jets)

    tasks: dict[str, tuple[Callable[[], object], Callable[[], object] | None]] = {
        "all": (lambda: compute(*columns), None)
    }
    for title, names, reference in (
        ("soft drop", ["msoftdrop"], soft_drop),
        ("tau1-3", ["tau1", "tau2", "tau3"], nsubjettiness),
        ("C2", ["c2"], correlator("c2")),
        ("D2", ["d2"], correlator("d2")),
        ("sqrt(d12), sqrt(d23)", ["sqrt_d12", "sqrt_d23"], splittings),
    ):
        tasks[title] = (
            lambda names=names: compute(*columns, names=names),
            lambda reference=reference: reference(momenta),
        )
    best = measure(tasks, args.rounds)

    per = 10_000 / len(jets)
    print(f"{len(jets)} jets, {ak.mean(ak.num(jets)):.1f} constituents each; CPU s / 10,000 jets")
    print(f"{'observable':24s} {'boostflow':>10s} {'fastjet':>10s} {'ratio':>8s}")
    for title in tasks:
        ours, theirs = best[title, 0] * per, best.get((title, 1), np.nan) * per
        name = f"all {len(OBSERVABLES)}" if title == "all" else title
        line = f"{theirs:10.2f} {theirs / ours:7.1f}x" if theirs == theirs else ""
        print(f"{name:24s} {ours:10.2f} {line}")


def read(path: Path) -> ak.Array:
    """Constituents of all fat jets of a file, one list a jet."""
    import uproot

    events = uproot.open(path)["Events"].arrays(filter_name=["*PFCands*", "FatJet_nConstituents"])
    index = ak.unflatten(
        events.FatJetPFCands_pFCandsIdx, ak.flatten(events.FatJet_nConstituents), axis=1
    )
    return constituents(ak.zip({name: events[f"PFCands_{name}"] for name in FIELDS}), index)


def choose(jets: ak.Array, count: int, mean: float) -> ak.Array:
    """Up to `count` jets, those with the fewest constituents left out until the mean is reached."""
    order = np.argsort(-ak.to_numpy(ak.num(jets)), kind="stable")
    size = ak.to_numpy(ak.num(jets))[order]
    means = np.cumsum(size) / np.arange(1, len(size) + 1)
    enough = max(1, int(np.sum(means >= mean)))
    chosen = np.sort(order[:enough])
    return jets[chosen[:count]]


def fastjet_momenta(jets: ak.Array) -> ak.Array:
    """px, py, pz, E in double precision, packed."""
    jets = ak.values_astype(jets, np.float64)
    pz = jets.pt * np.sinh(jets.eta)
    return ak.to_packed(
        ak.zip(
            {
                "px": jets.pt * np.cos(jets.phi),
                "py": jets.pt * np.sin(jets.phi),
                "pz": pz,
                "E": np.sqrt(jets.pt**2 + pz**2 + jets.mass**2),
            },
            with_name="Momentum4D",
        )
    )


def cluster(momenta: ak.Array, algorithm: str):
    """A FastJet sequence with all constituents of a jet in one jet."""
    import fastjet

    definition = fastjet.JetDefinition(getattr(fastjet, f"{algorithm}_algorithm"), 10.0)
    return fastjet.ClusterSequence(momenta, definition)


def soft_drop(momenta: ak.Array) -> object:
    """FastJet's soft drop."""
    return cluster(momenta, "cambridge").exclusive_jets_softdrop_grooming(
        njets=1, beta=0.0, symmetry_cut=0.1, R0=0.8
    )


def nsubjettiness(momenta: ak.Array) -> object:
    """FastJet contrib's N-subjettiness with the same axes."""
    return cluster(momenta, "kt").njettiness(axes_definition="KT_Axes", njets=[1, 2, 3])


def correlator(name: str) -> Callable[[ak.Array], object]:
    """FastJet contrib's energy correlators."""

    def reference(momenta: ak.Array) -> object:
        return cluster(momenta, "cambridge").exclusive_jets_energy_correlator(
            njets=1, beta=1.0, func=name
        )

    return reference


def splittings(momenta: ak.Array) -> object:
    """FastJet's exclusive kT scales."""
    sequence = cluster(momenta, "kt")
    return sequence.exclusive_dmerge(1), sequence.exclusive_dmerge(2)


def measure(tasks: dict, rounds: int) -> dict[tuple[str, int], float]:
    """Best CPU time of each task; which of the two goes first alternates."""
    best: dict[tuple[str, int], float] = {}
    for turn in range(-1, rounds):
        for title, pair in tasks.items():
            for which in (0, 1) if turn % 2 else (1, 0):
                if pair[which] is None:
                    continue
                start = time.process_time()
                pair[which]()
                spent = time.process_time() - start
                if turn >= 0:  # round -1 compiles
                    best[title, which] = min(spent, best.get((title, which), np.inf))
    return best


if __name__ == "__main__":
    run(main, arguments, __doc__)
