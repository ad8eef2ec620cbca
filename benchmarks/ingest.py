"""Rate and memory of ingest and select beside other ways to read the same file.

A NanoAOD-like file without constituents is written (kept in the cache folder), then each side reads
it, one after the other and in the other order in the next round, each time in a process of its own
that has read a small file before the clock starts: imports and compilations are not counted.

* boostflow: ingest, then select: Parquet tables of all ingested and of the selected jets.
* bare uproot: the branches that ingest reads, chunk by chunk, and nothing done with them.
* plain script: the same selection with uproot and awkward, the selected jets to Parquet.
* RDataFrame: the same selection in C++, the selected jets to a ROOT file. It needs the package
  `root`, which `--root` installs in a folder of its own in the cache (250 MB), not here.

All that select must find the same numbers, or the benchmark fails.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "boostflow"
ROOT = CACHE / "rdataframe"
"""Environment of the package `root`."""
ROOT_VERSION = "0.1a12"
SMALL = 2_000
"""Events that are read before the clock starts."""
CHUNK = 20_000
SIDES = ("boostflow", "bare uproot", "plain script", "RDataFrame")
GOAL = 0.7
"""Of the rate of bare uproot."""
HT_MIN, PT, ETA_MAX, MASS, MET_MAX = 1500.0, (800.0, 1200.0), 2.4, (10.0, 300.0), 400.0
INGEST_PT, INGEST_ETA = 200.0, 2.5


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--events", type=int, default=200_000, metavar="N", help="in the file")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="repetitions")
    parser.add_argument("--root", action="store_true", help="install what RDataFrame needs")


def main(args: argparse.Namespace) -> None:
    """Measure and print a table."""
    if args.root and not (ROOT / "bin/python").exists():
        venv.create(ROOT, with_pip=True)
        command = [ROOT / "bin/python", "-m", "pip", "install", "-q", f"root=={ROOT_VERSION}"]
        subprocess.run([*command, "numpy"], check=True)
    sides = SIDES if (ROOT / "bin/python").exists() else SIDES[:-1]
    file, part = (written(n) for n in (args.events, args.events // 2))
    rounds: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
    for number in range(args.rounds):
        for side in sides if number % 2 == 0 else sides[::-1]:
            rounds[side].append(measured(side, file))
    found = {name: runs[0]["selected"] for name, runs in rounds.items() if name != "bare uproot"}
    if len(set(found.values())) > 1 or not min(found.values()):
        raise SystemExit(f"the selected jets differ: {found}")
    memory = {args.events // 2: measured("boostflow", part), args.events: rounds["boostflow"][0]}

    size = file.stat().st_size / 1e6
    read = rounds["bare uproot"][0]["bytes"] / 1e6
    print(
        f"{args.events} events, file of {size:.0f} MB, of which {read:.0f} MB are read; "
        f"{int(next(iter(found.values())))} jets selected; median of {args.rounds} rounds, "
        f"load {os.getloadavg()[0]:.1f}"
    )
    print(f"{'':14s} {'events/CPU-s':>13s} {'events/s':>10s} {'MB/s':>7s} {'of bare':>8s}", end="")
    print(f" {'peak MB':>8s}")
    bare = np.median([run["cpu"] for run in rounds["bare uproot"]])
    for side, runs in rounds.items():
        cpu, wall = (np.median([run[key] for run in runs]) for key in ("cpu", "wall"))
        print(
            f"{side:14s} {args.events / cpu:13.0f} {args.events / wall:10.0f} {read / wall:7.1f} "
            f"{bare / cpu:8.2f} {max(run['memory'] for run in runs):8.0f}"
        )
    ours = bare / np.median([run["cpu"] for run in rounds["boostflow"]])
    print(f"goal {GOAL} of bare uproot: {'met' if ours >= GOAL else 'missed'} ({ours:.2f})")
    for events, run in memory.items():
        after = f"{run['ingested']:.0f} MB after ingest, {run['memory']:.0f} MB after select"
        print(f"peak memory of boostflow, {events} events: {after}")


def written(events: int) -> Path:
    """A file of so many events, made unless it is there: two fat jets each, 30 particles."""
    import uproot

    path = CACHE / f"ingest-{events}.root"
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}")
    with uproot.recreate(unfinished, compression=uproot.ZSTD(5)) as root:
        tree = None
        for start in range(0, events, CHUNK):
            content = chunk(start, min(CHUNK, events - start))
            if tree is None:
                tree = root.mktree(
                    "Events",
                    {name: types(values) for name, values in content.items()},
                    counter_name=lambda collection: f"n{collection}",
                    field_name=lambda outer, inner: inner if outer == "" else f"{outer}_{inner}",
                )
            tree.extend(content)
    unfinished.rename(path)
    return path


def types(values: object) -> object:
    """Type of a branch or collection, as `mktree` wants it."""
    import awkward as ak

    return values.dtype if isinstance(values, np.ndarray) else ak.type(values).content


def chunk(start: int, n: int) -> dict[str, object]:
    """Some events: jets with a falling spectrum, weights of which 1 % are negative."""
    import awkward as ak

    rng = np.random.default_rng(start)
    count = rng.integers(0, 5, n)
    jets, total = np.sort(count)[rng.permutation(n)], int(count.sum())
    pt = 200 + rng.exponential(450, total)
    tau1 = rng.uniform(0.1, 0.6, total)
    fatjet = {
        "pt": pt,
        "eta": rng.normal(0, 1.2, total),
        "phi": rng.uniform(-np.pi, np.pi, total),
        "mass": rng.exponential(90, total),
        "msoftdrop": rng.exponential(60, total),
        "tau1": tau1,
        "tau2": tau1 * rng.uniform(0.2, 0.9, total),
        "tau3": tau1 * rng.uniform(0.1, 0.5, total),
        **{f"score{i}": rng.uniform(0, 1, total) for i in range(20)},
    }
    particles = 30 * n
    generated = {
        **{k: rng.normal(0, 2, particles).astype("f4") for k in ("pt", "eta", "phi", "mass")},
        "pdgId": rng.integers(-25, 26, particles, dtype="i4"),
        "status": rng.integers(1, 60, particles, dtype="i4"),
        "statusFlags": rng.integers(0, 2**15, particles, dtype="i4"),
        "genPartIdxMother": rng.integers(0, 5, particles, dtype="i4"),
    }
    single = {
        "run": np.ones(n, dtype="u4"),
        "luminosityBlock": np.full(n, start // CHUNK + 1, dtype="u4"),
        "event": np.arange(start, start + n, dtype="u8"),
        "genWeight": np.where(rng.uniform(size=n) < 0.01, -1.0, 1.0).astype("f4"),
        "PuppiMET_pt": rng.exponential(60, n).astype("f4"),
        "PuppiMET_phi": rng.uniform(-np.pi, np.pi, n).astype("f4"),
    }
    collections = {
        "FatJet": ak.unflatten(ak.zip({k: v.astype("f4") for k, v in fatjet.items()}), jets),
        "GenPart": ak.unflatten(ak.zip(generated), np.full(n, 30)),
    }
    return single | collections


def measured(side: str, file: Path) -> dict[str, float]:
    """What a process of its own says of one side."""
    python = ROOT / "bin/python" if side == "RDataFrame" else sys.executable
    small = written(SMALL)
    with tempfile.TemporaryDirectory() as folder:
        command = [python, __file__, "--side", side, str(small), str(file), folder]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def work(side: str, small: str, file: str, folder: str) -> None:
    """Read the small file, then the other one by the clock; print the figures as JSON."""
    action: Callable[[str, Path], dict[str, float]] = {
        "boostflow": boostflow,
        "bare uproot": bare_uproot,
        "plain script": plain_script,
        "RDataFrame": rdataframe,
    }[side]
    action(small, Path(folder))
    cpu, wall = cpu_seconds(), time.perf_counter()
    found = action(file, Path(folder))
    found |= {"cpu": cpu_seconds() - cpu, "wall": time.perf_counter() - wall}
    found["memory"] = peak()
    print(json.dumps(found))


def peak() -> float:
    """Largest memory of this process so far (MB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def cpu_seconds() -> float:
    """Of this process so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def boostflow(file: str, folder: Path) -> dict[str, float]:
    """Both stages with their defaults."""
    from boostflow.config.chain import Ingest as IngestBlock
    from boostflow.ingest.run import run as ingest
    from boostflow.io import read_json
    from boostflow.jobs.chain import Ingest, ListParts, Select
    from boostflow.select.parts import run as list_parts
    from boostflow.select.run import run as select

    table, meta, parts = (folder / name for name in ("0.parquet", "0.json", "parts.json"))
    output, cutflow = folder / "select.parquet", folder / "select.json"
    job = Ingest(ingest=IngestBlock(chunksize=CHUNK), label="top", xsec=1.0)
    ingest(job, Ingest.Files(file=file, table=table, meta=meta))
    ingested = peak()
    list_parts(ListParts(folder=str(folder), number=1), ListParts.Files(parts=parts))
    select(Select(sample="top"), Select.Files(parts=parts, table=output, cutflow=cutflow))
    return {"selected": sum(read_json(cutflow)["jets"].values()), "ingested": ingested}


def wanted() -> list[str]:
    """The branches that ingest reads of these files."""
    from boostflow.nanoaod import EVENT, FATJET

    names = [*EVENT, *FATJET, "FatJet_msoftdrop", "FatJet_tau1", "FatJet_tau2", "FatJet_tau3"]
    return [*names, "genWeight", "PuppiMET_pt", "PuppiMET_phi"]


def arrays(file: str) -> Iterator[object]:
    """These branches, chunk by chunk."""
    import uproot

    with uproot.open({file: "Events"}) as tree:
        yield from tree.iterate(wanted(), step_size=CHUNK)


def bare_uproot(file: str, folder: Path) -> dict[str, float]:
    """Read and forget; the compressed bytes of what was read."""
    import uproot

    for _ in arrays(file):
        pass
    with uproot.open({file: "Events"}) as tree:
        return {"bytes": float(sum(tree[name].compressed_bytes for name in wanted()))}


def plain_script(file: str, folder: Path) -> dict[str, float]:
    """What a script of a page does."""
    import awkward as ak

    selected = 0
    for number, events in enumerate(arrays(file)):
        names = ("pt", "eta", "phi", "mass", "msoftdrop", "tau1", "tau2", "tau3")
        jets = ak.zip({name: events[f"FatJet_{name}"] for name in names})
        jets = jets[(jets.pt > INGEST_PT) & (abs(jets.eta) < INGEST_ETA)]
        ht = ak.sum(jets.pt, axis=1)
        good = (jets.pt >= PT[0]) & (jets.pt < PT[1]) & (abs(jets.eta) < ETA_MAX)
        good = good & (jets.mass >= MASS[0]) & (jets.mass < MASS[1])
        keep = ak.any(good, axis=1) & (ht > HT_MIN) & (events.PuppiMET_pt < MET_MAX)
        jets = jets[good][keep]
        rows = {name: ak.flatten(jets[name]) for name in names}
        rows |= {"tau21": rows["tau2"] / rows["tau1"], "tau32": rows["tau3"] / rows["tau2"]}
        for name in ("run", "luminosityBlock", "event", "genWeight", "PuppiMET_pt"):
            rows[name] = ak.flatten(ak.broadcast_arrays(events[name][keep], jets.pt)[0])
        ak.to_parquet(ak.zip(rows), folder / f"plain{number}.parquet", compression="zstd")
        selected += len(rows["pt"])
    return {"selected": selected}


def rdataframe(file: str, folder: Path) -> dict[str, float]:
    """The same in C++, compiled when the graph is first run."""
    import ROOT as root

    frame = root.RDataFrame("Events", file)
    frame = frame.Define("loose", f"FatJet_pt > {INGEST_PT} && abs(FatJet_eta) < {INGEST_ETA}")
    frame = frame.Define(
        "good",
        f"loose && FatJet_pt >= {PT[0]} && FatJet_pt < {PT[1]} && abs(FatJet_eta) < {ETA_MAX}"
        f" && FatJet_mass >= {MASS[0]} && FatJet_mass < {MASS[1]}",
    )
    frame = frame.Filter(f"Any(good) && Sum(FatJet_pt[loose]) > {HT_MIN}")
    frame = frame.Filter(f"PuppiMET_pt < {MET_MAX}")
    names = ("pt", "eta", "phi", "mass", "msoftdrop", "tau1", "tau2", "tau3")
    for name in names:
        frame = frame.Define(f"jet_{name}", f"FatJet_{name}[good]")
    frame = frame.Define("jet_tau21", "jet_tau2 / jet_tau1")
    frame = frame.Define("jet_tau32", "jet_tau3 / jet_tau2")
    count = frame.Define("n", "(int)jet_pt.size()").Sum("n")
    options = root.RDF.RSnapshotOptions()
    options.fMode, options.fLazy = "RECREATE", True
    columns = [*(f"jet_{name}" for name in (*names, "tau21", "tau32")), "run", "luminosityBlock"]
    columns += ["event", "genWeight"]
    jets = frame.Snapshot("jets", str(folder / "jets.root"), columns, options)
    found = float(count.GetValue())
    jets.GetValue()
    return {"selected": found}


if __name__ == "__main__":
    if sys.argv[1:2] == ["--side"]:
        work(*sys.argv[2:])
    else:
        from command import run

        run(main, arguments, __doc__)
