"""Bits a jet against the error: a trained compression beside rounding, PCA, SZ3, ZFP and lossless.

    make bench-compression                 # the selected jets of a run (RUN=results)
    make bench-compression BENCH=--residuals    # bottlenecks without quantisation (bottleneck.py)

Networks are trained, on 4 columns and on 25, on jets below 1 TeV of all samples but one: one that
codes each column by those before it, and bottlenecks of several sizes.
All methods get the test jets of these, the jets of the sample that was left out, and jets above
1 TeV. At each bound all have the same root mean square of the error; rounding, the network, SZ3
and ZFP have the same largest error, too.
"""

from __future__ import annotations

import argparse
import lzma
import os
import tempfile
import time
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import bottleneck
from boostflow.config.rounding import Rounded
from boostflow.io import read_flat, write_json
from boostflow.jobs.models import Train
from boostflow.models.family import families

FOUR = ("mass", "pt", "eta", "phi")
MORE = (
    *("msoftdrop", "mtrimmed", "tau1", "tau2", "tau3", "tau21", "tau32", "c2", "d2", "e3"),
    *("sqrt_d12", "sqrt_d23", "multiplicity", "r2", "planar_flow", "a3", "aplanarity", "zcut"),
    *("kt_dr", "qw", "pt_d"),
)
LATENTS = {4: (2, 3), 25: (4, 8, 14)}
"""Sizes of bottlenecks, by the number of columns."""
PT_MAX = 1000.0
"""Jets above this are another range of pT (GeV)."""
Table = dict[str, NDArray]


def declared(names: tuple[str, ...], bound: float) -> dict[str, Rounded]:
    """Columns with a bound: relative, but for eta and phi; multiplicities are exact."""
    kinds = {"eta": "continuous", "phi": "angle", "multiplicity": "integer"}
    found = {}
    for name in names:
        kind = kinds.get(name, "positive")
        found[name] = Rounded(type=kind, bound=None if kind == "integer" else bound)
    return found


def read(folder: Path, left_out: str) -> dict[str, Table]:
    """Jets to train on (with `split`), and the three kinds of jets that all methods get."""
    parts: dict[str, list[Table]] = {}
    for path in sorted(folder.glob("*.parquet")):
        jets = read_flat(path, [*FOUR, *MORE, "split"])
        low = jets["pt"] < PT_MAX
        chosen = {"of another process": np.ones(len(low), bool)}
        if path.stem != left_out:
            chosen = {"to train on": low & (jets["split"] < 2)}
            chosen["as in the training"] = low & (jets["split"] == 2)
            chosen["at other pT"] = ~low
        for name, rows in chosen.items():
            parts.setdefault(name, []).append({n: x[rows] for n, x in jets.items()})
    return {
        name: {column: np.concatenate([t[column] for t in some]) for column in some[0]}
        for name, some in parts.items()
    }


def trained(
    jets: Table, columns: Mapping[str, Rounded], given: argparse.Namespace, **keys: Any
) -> Any:
    """The codec of a network whose block has more `keys`, and the seconds of its training."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from boostflow.models import stage

    family = next(one for one in families().values() if one.codec)
    block = family.block(columns=columns, epochs=given.epochs, hidden=given.hidden, **keys)
    block = block.varied({"batch": 512, "learning_rate": 0.01})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "jets.parquet"
        pq.write_table(pa.table(jets), path)
        begin = time.process_time()
        output = Path(folder) / "model"
        stage.fit(Train(name="network", model=block), Train.Files(jets=[path], output=output))
        return family.module("codec").trained(output), time.process_time() - begin


def lines(
    jets: Table, columns: Mapping[str, Rounded], codecs: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """What each method takes of some jets; `codecs` are networks by name."""
    from boostflow.coding.rounding import roundings

    table = {name: jets[name] for name in columns}
    rows, rounding = len(jets["pt"]), roundings(columns)
    exact = [name for name, one in columns.items() if one.bound is None]
    found = []

    def timed(method: str, size: Callable[[], float], error: tuple[float, float]) -> None:
        begin = time.process_time()
        bits = 8 * size() / rows
        rate = sum(x.nbytes for x in table.values()) / (time.process_time() - begin) / 1e6
        rms, largest = error
        line = {"method": method, "bits": bits, "rms": rms, "largest": largest, "rate": rate}
        found.append(line)

    def off(back: Mapping[str, NDArray]) -> tuple[float, float]:
        parts = [
            rounding[name].error(table[name].astype(float), back[name].astype(float)) / one.bound
            for name, one in columns.items()
            if one.bound
        ]
        fine = np.concatenate([part[np.isfinite(part) & (part < 1e6)] for part in parts])
        return float(np.sqrt((fine**2).mean())), float(fine.max())

    integers = {name: rounding[name].integers(x)[0] for name, x in table.items()}
    rounded = off({name: one.rounded(table[name]) for name, one in rounding.items()})
    for name, codec in codecs.items():
        back = codec.decode(codec.encode(table))
        timed(name, lambda codec=codec: len(codec.encode(table)), off(back))
    timed("rounding + pcodec", lambda: sum(map(pcodec, integers.values())), rounded)
    # In steps of the bound: SZ3, ZFP and PCA make errors there that are the same for all columns.
    steps = np.stack([real_steps(rounding[n], x) for n, x in table.items() if n not in exact], 1)
    kept = sum(pcodec(integers[name]) for name in exact)
    for method, run in (("SZ3", sz3), ("ZFP", zfp), ("PCA + pcodec", pca)):
        back = run(steps)[1]
        error = np.abs(back - steps) * 2
        both = float(np.sqrt((error**2).mean())), float(error.max())
        timed(method, lambda run=run: kept + run(steps)[0], both)
    raw = b"".join(x.tobytes() for x in table.values())
    shuffled = b"".join(x.view(np.uint8).reshape(len(x), -1).T.tobytes() for x in table.values())
    zstandard = __import__("zstandard").ZstdCompressor(level=19)
    timed("pcodec", lambda: sum(map(pcodec, table.values())), (0, 0))
    timed("zstd", lambda: len(zstandard.compress(raw)), (0, 0))
    timed("zstd, bytes shuffled", lambda: len(zstandard.compress(shuffled)), (0, 0))
    timed("LZMA, bytes shuffled", lambda: len(lzma.compress(shuffled)), (0, 0))
    timed("zlib, bytes shuffled", lambda: len(zlib.compress(shuffled, 9)), (0, 0))
    return found


def real_steps(rounding: Any, values: NDArray) -> NDArray[np.float64]:
    """Values in steps of rounding, without the rounding."""
    x = values.astype(float)
    if rounding.declared.is_relative:
        # As far below the smallest of the others as zero is from them in the integers of a codec.
        positive = x[x > 0]
        return np.log(np.maximum(x, positive.min() * 0.9)) / rounding.step
    return x / rounding.step


def pcodec(values: NDArray) -> int:
    """Bytes that pcodec needs."""
    from pcodec import ChunkConfig, standalone

    return len(standalone.simple_compress(values, ChunkConfig(compression_level=12)))


def sz3(steps: NDArray[np.float64]) -> tuple[int, NDArray[np.float64]]:
    """Bytes of SZ3, column by column, and what comes back; at most half a step off."""
    from pysz import sz, szConfig, szErrorBoundMode

    config = szConfig()
    config.errorBoundMode = szErrorBoundMode.ABS
    config.absErrorBound = 0.5
    size, back = 0, np.empty_like(steps)
    for i in range(steps.shape[1]):
        column = np.ascontiguousarray(steps[:, i])
        packed, _ = sz.compress(column, config)
        size += len(packed)
        back[:, i] = sz.decompress(packed, np.float64, column.shape)[0]
    return size, back


def zfp(steps: NDArray[np.float64]) -> tuple[int, NDArray[np.float64]]:
    """Bytes of ZFP, column by column, and what comes back; at most half a step off."""
    import zfpy

    packed = [zfpy.compress_numpy(column.copy(), tolerance=0.5) for column in steps.T]
    back = np.stack([zfpy.decompress_numpy(one) for one in packed], axis=1)
    return sum(map(len, packed)), back


def pca(steps: NDArray[np.float64]) -> tuple[int, NDArray[np.float64]]:
    """Bytes of rounded principal components, all of them, and what comes back.

    The axes are those of these jets themselves. A rotation keeps the root mean square of the error
    and makes the largest one larger.
    """
    mean = steps.mean(axis=0)
    axes = np.linalg.svd(np.cov((steps - mean).T))[0]
    numbers = np.rint((steps - mean) @ axes).astype(np.int64)
    size = sum(pcodec(column) for column in np.ascontiguousarray(numbers.T))
    return size + axes.nbytes, numbers @ axes.T + mean


def draw(results: Mapping[str, Any], path: Path) -> None:
    """Bits of each method at all bounds, for 4 and 25 columns."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from boostflow.plots.style import save, style

    with style():
        sizes = list(results)
        fig, axes = plt.subplots(1, len(sizes), figsize=(6.5 * len(sizes), 6), squeeze=False)
        for ax, size in zip(axes[0], sizes, strict=True):
            curves: dict[str, list[tuple[float, float]]] = {}
            for bound, kinds in results[size].items():
                for line in kinds["as in the training"]:
                    point = line["rms"] * float(bound), line["bits"]
                    curves.setdefault(line["method"], []).append(point)
            for number, (method, points) in enumerate(curves.items()):
                if points[0][0]:
                    mark = {"marker": "osd^v"[number % 5], "label": method}
                    ax.plot(*zip(*sorted(points), strict=True), **mark)
            best = min(points[0][1] for points in curves.values() if not points[0][0])
            ax.axhline(best, color="grey", ls="--", label="best without loss")
            ax.set(xscale="log", ylim=(0, None))
            ax.set(
                xlabel="Root mean square of the error", ylabel="Bits a jet", title=f"{size} columns"
            )
            ax.legend(loc="lower left")
        save(fig, path)


def main() -> None:
    """Train, measure, print a table, write it as JSON and as a plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, default=Path("results"), help="folder of a run")
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks"))
    parser.add_argument("--left-out", default="top", help="sample that nothing is trained on")
    parser.add_argument("--bounds", type=float, nargs="+", default=[1e-2, 1e-3, 1e-4])
    parser.add_argument("--columns", type=int, nargs="+", choices=(4, 25), default=[4, 25])
    parser.add_argument("--hidden", type=int, default=32, help="width of the networks")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--latents", type=int, nargs="+", help="sizes of the bottlenecks")
    parser.add_argument("--residuals", action="store_true", help="bottlenecks, not quantised")
    parser.add_argument("--studies", nargs="+", metavar="NAME", help="default: all")
    parser.add_argument("--residual-epochs", type=int, default=150)
    parser.add_argument("--activation", choices=("tanh", "leaky_relu"), default="leaky_relu")
    parser.add_argument("--no-skips", action="store_true", help="no connections past hidden layers")
    given = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if given.residuals:
        bottleneck.run(given, FOUR, MORE)
        return
    jets = read(given.run / "select/nominal", given.left_out)
    training = jets.pop("to train on")
    results: dict[str, Any] = {}
    for size in given.columns:
        for bound in given.bounds:
            columns = declared(FOUR if size == 4 else (*FOUR, *MORE), bound)
            blocks = {"network": {}} | {
                f"bottleneck of {n}": {"latents": n, "skip": False}
                for n in (given.latents or LATENTS[size])
                if n < size
            }
            codecs = {}
            for name, keys in blocks.items():
                codecs[name], seconds = trained(training, columns, given, **keys)
                model = len(zlib.compress(codecs[name].content(), 9))
                print(f"\n{size} columns, bound {bound:g}, {name}: ", end="")
                print(f"{seconds:.0f} CPU-s, model {model} bytes")
            kinds = {name: lines(some, columns, codecs) for name, some in jets.items()}
            results.setdefault(str(size), {})[f"{bound:g}"] = kinds
            for name, found in kinds.items():
                print(f"{len(jets[name]['pt'])} jets {name}")
                print("  bits a jet   rms/bound  largest/bound    MB/s  method")
                for x in sorted(found, key=lambda line: (not line["rms"], line["bits"])):
                    numbers = f"{x['bits']:12.2f}{x['rms']:12.3f}{x['largest']:15.3f}"
                    print(f"{numbers}{x['rate']:8.1f}  {x['method']}")
    write_json(given.output / "compression.json", results)
    draw(results, given.output / "compression.png")
    print(f"\n{given.output / 'compression.json'}, {given.output / 'compression.png'}")


if __name__ == "__main__":
    main()
