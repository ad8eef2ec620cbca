"""Time of the observables beside FastJet's and EnergyFlow's, interleaved in one process.

CPU seconds per 10,000 jets, the best of several rounds; the order changes from round to round, so
that a busy machine treats all alike. All see the same jets, but of EnergyFlow, which is slow, only
as many as --slow says. Jets are simulated unless --input names a NanoAOD-like file with
constituents. --most makes it an error if all observables take longer.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import awkward as ak
import numpy as np

from boostflow.errors import BoostflowError
from boostflow.jobs.chain import Simulate
from boostflow.observables.compute import compute
from boostflow.observables.definitions import OBSERVABLES
from boostflow.simulate import production
from boostflow.simulate.jets import constituents
from command import run

if TYPE_CHECKING:
    from energyflow import C2, D2, EFP

MEASURE = {"measure": "hadr", "coords": "epxpypz"}
"""Of EnergyFlow: pT and distances in rapidity and azimuth."""

FIELDS = ("pt", "eta", "phi", "mass", "charge")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--input", type=Path, metavar="FILE", help="ROOT file with PFCands")
    parser.add_argument("--jets", type=int, default=10_000, metavar="N", help="jets to time")
    parser.add_argument("--slow", type=int, default=500, metavar="N", help="jets for EnergyFlow")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="repetitions")
    parser.add_argument("--most", type=float, metavar="S", help="CPU s per 10,000 jets for all")
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
            job = Simulate(sample="top", process="top", events=(args.jets * 4) // 5)
            production.run(job, Simulate.Files(sample=path))
            jets = read(path)
    jets = choose(jets, args.jets, args.mean)
    columns = [jets[name] for name in FIELDS]
    momenta = fastjet_momenta(jets)

    slow = plain_momenta(momenta[: args.slow])
    by_fastjet = {
        "soft drop": (["msoftdrop"], soft_drop),
        "tau1-3": (["tau1", "tau2", "tau3"], nsubjettiness),
        "e3": (["e3"], correlator("generic", npoint=3)),
        "C2": (["c2"], correlator("c2")),
        "D2": (["d2"], correlator("d2")),
        "sqrt(d12), sqrt(d23)": (["sqrt_d12", "sqrt_d23"], splittings),
    }
    by_energyflow = {"e3": triangle(), "C2": ratio_of("C2"), "D2": ratio_of("D2")}
    tasks: dict[tuple[str, str], Callable[[], object]] = {
        ("all", "boostflow"): lambda: compute(*columns)
    }
    for title, (names, reference) in by_fastjet.items():
        tasks[title, "boostflow"] = lambda names=names: compute(*columns, names=names)
        tasks[title, "fastjet"] = lambda reference=reference: reference(momenta)
        if title in by_energyflow:
            one = by_energyflow[title]
            tasks[title, "energyflow"] = lambda one=one: [one.compute(jet) for jet in slow]
    sizes = {"energyflow": len(slow)}
    best = {
        key: 10_000 * spent / sizes.get(key[1], len(jets))
        for key, spent in measure(tasks, args.rounds).items()
    }

    print(
        f"{len(jets)} jets, {ak.mean(ak.num(jets)):.1f} constituents each, "
        f"best of {args.rounds} rounds; CPU s / 10,000 jets"
    )
    print(f"{'observable':22s} {'boostflow':>9s} {'fastjet':>16s} {'energyflow':>18s}")
    for title in dict.fromkeys(title for title, _ in tasks):
        ours = best[title, "boostflow"]
        line = f"{f'all {len(OBSERVABLES)}' if title == 'all' else title:22s} {ours:9.2f}"
        for other in ("fastjet", "energyflow"):
            if (title, other) in best:
                theirs = best[title, other]
                line += f" {theirs:9.2f} {theirs / ours:6.1f}x "
        print(line)
    those = sum(best[title, "fastjet"] for title in by_fastjet)
    print(
        f"FastJet's {len(by_fastjet)} lines together {those:.2f} CPU s: "
        f"{those / best['all', 'boostflow']:.1f} times all {len(OBSERVABLES)} here"
    )
    if args.most and best["all", "boostflow"] > args.most:
        raise BoostflowError(
            f"all observables took {best['all', 'boostflow']:.2f} CPU s, allowed are {args.most:g}"
        )


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


def plain_momenta(momenta: ak.Array) -> list[np.ndarray]:
    """(constituents, 4) E, px, py, pz of each jet, as EnergyFlow takes it."""
    return [
        np.stack([ak.to_numpy(jet[k]) for k in ("E", "px", "py", "pz")], axis=1) for jet in momenta
    ]


def triangle() -> EFP:
    """EnergyFlow's polynomial that is 6 e3."""
    import energyflow

    return energyflow.EFP([(0, 1), (1, 2), (0, 2)], beta=1.0, **MEASURE)


def ratio_of(name: str) -> C2 | D2:
    """EnergyFlow's C2 or D2, which are 3/2 and 3/4 times ours."""
    import energyflow

    return getattr(energyflow, name)(beta=1.0, **MEASURE)


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


def correlator(name: str, **options: int) -> Callable[[ak.Array], object]:
    """FastJet contrib's energy correlators."""

    def reference(momenta: ak.Array) -> object:
        return cluster(momenta, "cambridge").exclusive_jets_energy_correlator(
            njets=1, beta=1.0, func=name, **options
        )

    return reference


def splittings(momenta: ak.Array) -> object:
    """FastJet's exclusive kT scales."""
    sequence = cluster(momenta, "kt")
    return sequence.exclusive_dmerge(1), sequence.exclusive_dmerge(2)


def measure(
    tasks: dict[tuple[str, str], Callable[[], object]], rounds: int
) -> dict[tuple[str, str], float]:
    """Best CPU time of each task; the order is turned from round to round."""
    best: dict[tuple[str, str], float] = {}
    for turn in range(-1, rounds):
        for key in sorted(tasks) if turn % 2 else sorted(tasks, reverse=True):
            start = time.process_time()
            tasks[key]()
            spent = time.process_time() - start
            if turn >= 0:  # round -1 compiles
                best[key] = min(spent, best.get(key, np.inf))
    return best


if __name__ == "__main__":
    run(main, arguments, __doc__)
