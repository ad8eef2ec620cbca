"""Plain bottleneck networks without quantisation: residuals as the public studies give them.

These are the studies' networks, written here. The project's own bottleneck holds a bound, so it
has no such residuals; its bits stand in the table of `compression.py`.

    make bench-compression BENCH="--residuals --run results"

Three networks: (m, pT, eta, phi) -> 3, (pT, eta, phi, E) of quark and gluon jets -> 3, and 25
columns -> 14, on the training and validation jets of a run; the residuals are those of test jets.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from boostflow.io import read_flat, write_json

LIGHT = ("gluon", "qg", "quark")
"""Samples of light jets, those that a run has."""
ANGLES = {"eta": 5.0, "phi": 3.0}
"""What the studies of four columns divide angles by."""
Table = dict[str, NDArray]


class Study(NamedTuple):
    """What goes through how many numbers, and what others reached."""

    title: str
    columns: tuple[str, ...]
    latents: int
    hidden: tuple[int, ...]
    """Widths of the encoder; those of the decoder are the same, turned round."""
    skips: bool
    """Whether hidden layers of the same width add to what they read, and a linear map leads past
    those before and those after the latents."""
    batch_norm: bool
    goal: Mapping[str, float]
    """By column the largest half width of 68 % of (out - in) / in; `loss` that of the training."""


def studies(four: tuple[str, ...], more: tuple[str, ...], skips: bool) -> dict[str, Study]:
    """The three that public figures exist for.

    Goals: rodinasophie/HEPAutoencoders for light jets (sigma), Skelpdar/HEPAutoencoders for the
    others.
    """
    goal = {"mass": 0.068, "pt": 0.043, "eta": 0.0065, "phi": 0.002}
    light = {"pt": 0.0019, "energy": 0.0027, "eta": 0.1, "phi": 0.024}
    return {
        "4 to 3": Study("m, pT, eta, phi", four, 3, (200, 200, 100), skips, False, goal),
        "light": Study(
            *("light jets", ("pt", "eta", "phi", "energy"), 3, (200, 100, 50), skips, False, light),
        ),
        "25 to 14": Study(
            "25 columns", (*four, *more), 14, (200, 200, 200), skips, True, {"loss": 3.6e-5}
        ),
    }


def energy(jets: Table) -> NDArray[np.float64]:
    """Energies (GeV) from mass, pT (GeV) and eta, shape (jets,)."""
    mass, pt, eta = (jets[name].astype(np.float64) for name in ("mass", "pt", "eta"))
    found: NDArray[np.float64] = np.sqrt(mass**2 + (pt * np.cosh(eta)) ** 2)
    return found


def read(folder: Path, columns: Sequence[str], samples: Sequence[str] | None) -> Table:
    """Columns of selected jets with `split`, without jets whose mass is 0.08 GeV or less."""
    read_columns = dict.fromkeys([*columns, "mass", "pt", "eta", "split"])
    read_columns.pop("energy", None)
    tables = [
        read_flat(path, list(read_columns))
        for path in sorted(folder.glob("*.parquet"))
        if samples is None or path.stem in samples
    ]
    jets = {name: np.concatenate([table[name] for table in tables]) for name in read_columns}
    jets["energy"] = energy(jets)
    rows = jets["mass"] > 0.08
    return {name: x[rows] for name, x in jets.items()}


def scales(columns: Sequence[str], jets: Table) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """What normalises columns, and what turns that round.

    Of four columns as the studies do: log10 of m, pT and E, eta / 5, phi / 3. Of more each column
    is brought to a range of 1, with its logarithm if it spans more than a factor of 30.
    """
    if len(columns) == 4:
        logs = {name for name in columns if name in ("mass", "pt", "energy")}
        width = dict(ANGLES)
        lowest: dict[str, float] = {}
    else:
        logs = {n for n in columns if jets[n].min() > 0 and jets[n].max() > 30 * jets[n].min()}
        both = {n: np.log10(jets[n]) if n in logs else jets[n] for n in columns}
        lowest = {n: float(x.min()) for n, x in both.items()}
        width = {n: float(np.ptp(x)) or 1.0 for n, x in both.items()}

    def forth(table: Table) -> NDArray[np.float32]:
        parts = []
        for name in columns:
            x = table[name].astype(np.float64)
            x = np.log10(x) if name in logs else x
            parts.append((x - lowest.get(name, 0.0)) / width.get(name, 1.0))
        return np.stack(parts, axis=1).astype(np.float32)

    def back(values: NDArray) -> Table:
        found = {}
        for i, name in enumerate(columns):
            x = values[:, i].astype(np.float64) * width.get(name, 1.0) + lowest.get(name, 0.0)
            found[name] = 10**x if name in logs else x
        return found

    return forth, back


def network(study: Study, activation: str) -> Any:
    """The untrained network, a Keras model from columns to columns."""
    import keras

    def layers(x: Any, widths: Sequence[int]) -> Any:
        for width in widths:
            h = keras.layers.Dense(width)(x)
            if study.batch_norm:
                h = keras.layers.BatchNormalization(momentum=0.95)(h)
            h = keras.layers.Activation(activation)(h)
            x = h + x if study.skips and x.shape[-1] == width else h
        return x

    values = keras.Input((len(study.columns),))
    # Inputs of mean 0 and deviation 1, whatever the normalisation of the loss is.
    standard = keras.layers.Normalization(name="standard")

    def joined(x: Any, widths: Sequence[int], outputs: int) -> Any:
        h = keras.layers.Dense(outputs)(layers(x, widths))
        return h + keras.layers.Dense(outputs, use_bias=False)(x) if study.skips else h

    narrow = joined(standard(values), study.hidden, study.latents)
    return keras.Model(values, joined(narrow, study.hidden[::-1], len(study.columns)))


def tolerances(study: Study, jets: Table) -> NDArray[np.float64]:
    """How far off each column may be by the public figures, as it is normalised, shape (columns,).

    The loss is in these units: without them it looks at the widest columns alone.
    """
    found = []
    for name in study.columns:
        relative = study.goal.get(name, 1.0)
        width = ANGLES.get(name)
        # (out - in) / in: of a logarithm its difference, of an angle in units of its usual size.
        size = np.log10(np.e) if width is None else np.median(np.abs(jets[name])) / width
        found.append(relative * size if len(study.columns) == 4 else 1.0)
    return np.array(found)


def trained(study: Study, jets: Table, given: argparse.Namespace) -> tuple[Table, Table, float]:
    """Test jets, what comes back of them, and the mean square on validation jets.

    The mean square is in the normalisation of the study, as it stands in the public figures.
    """
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    keras.utils.set_random_seed(1)
    parts = [{n: x[jets["split"] == number] for n, x in jets.items()} for number in range(3)]
    forth, back = scales(study.columns, parts[0])
    training, validation, test = map(forth, parts)
    model = network(study, given.activation)
    model.get_layer("standard").adapt(training)
    weights = tolerances(study, parts[0]) ** -2
    weights = tf.constant((weights / weights.mean()).astype(np.float32))
    # Sees columns of deviation 1, gives them in the normalisation of the study.
    deviation, mean = training.std(axis=0), training.mean(axis=0)

    def loss(y: Any, found: Any) -> Any:
        return tf.reduce_mean(weights * (y - (found * deviation + mean)) ** 2, axis=1) * 1e3

    def through(x: NDArray) -> NDArray:
        return model.predict(x, batch_size=4096, verbose=0) * deviation + mean

    batch = 256
    steps = given.residual_epochs * (len(training) // batch)
    rate = keras.optimizers.schedules.CosineDecay(
        1e-5, steps, warmup_target=2e-3, warmup_steps=steps // 50
    )
    model.compile(keras.optimizers.Adam(rate, clipnorm=1.0), loss)
    begin = time.process_time()
    model.fit(training, training, batch, given.residual_epochs, verbose=0)
    print(f"{time.process_time() - begin:.0f} CPU-s for {len(training)} jets")
    mean_square = float(((through(validation) - validation) ** 2).mean())
    return parts[2], back(through(test)), mean_square


def residuals(name: str, before: NDArray, after: NDArray) -> NDArray[np.float64]:
    """(out - in) / in of a column, shape (jets,); angles on the shorter way round."""
    off = after - before.astype(np.float64)
    if name == "phi":
        off = (off + np.pi) % (2 * np.pi) - np.pi
    return off / np.where(before == 0, np.nan, before)


def draw(found: Mapping[str, Mapping[str, NDArray]], path: Path) -> None:
    """Residuals of the columns of the two studies of four, with 68 % intervals."""
    import matplotlib.pyplot as plt

    from boostflow.plots.style import save, style

    with style():
        fig, axes = plt.subplots(len(found), 4, figsize=(24, 6 * len(found)), squeeze=False)
        for row, (title, columns) in zip(axes, found.items(), strict=True):
            for ax, (name, values) in zip(row, columns.items(), strict=True):
                low, middle, high = np.nanpercentile(values, [16, 50, 84])
                reach = 5 * max(high - middle, middle - low)
                ax.hist(values, 80, (middle - reach, middle + reach), histtype="stepfilled")
                for edge in (low, high):
                    ax.axvline(edge, color="black", ls="--")
                ax.set_ylim(0, 1.3 * ax.get_ylim()[1])
                ax.set_title(f"{title}: 68 % in {low:+.2g} to {high:+.2g}", fontsize=16)
                ax.set(xlabel=f"(out - in) / in of {name}", ylabel="Test jets")
                ax.locator_params(axis="x", nbins=4)
        save(fig, path)


def run(
    given: argparse.Namespace, four: tuple[str, ...], more: tuple[str, ...]
) -> dict[str, dict[str, Any]]:
    """Train all, print figures beside their goals, write them and the plot."""
    found: dict[str, dict[str, Any]] = {}
    drawn = {}
    known = studies(four, more, not given.no_skips)
    chosen = given.studies or list(known)
    if wrong := [key for key in chosen if key not in known]:
        raise SystemExit(f"--studies: no {wrong[0]}; known: {', '.join(known)}")
    for key in chosen:
        study = known[key]
        samples = LIGHT if key == "light" else None
        jets = read(given.run / "select/nominal", study.columns, samples)
        print(f"\n{study.title} -> {study.latents}: ", end="")
        before, after, mean_square = trained(study, jets, given)
        left = {n: residuals(n, before[n], after[n]) for n in study.columns}
        print(f"validation mean square {mean_square:.2e}; goal {study.goal.get('loss', '-')}")
        print("  column            16 %       84 %  half width   deviation    goal")
        lines = {}
        for name, values in left.items():
            low, high = np.nanpercentile(values, [16, 84])
            near = values[np.abs(values) < 1]
            line = {"low": low, "high": high, "half": (high - low) / 2, "sigma": near.std()}
            lines[name] = {key: float(value) for key, value in line.items()}
            goal = study.goal.get(name, "-")
            print(f"  {name:12}" + "".join(f"{x:12.5f}" for x in line.values()) + f"    {goal}")
        found[key] = {"validation": mean_square, "columns": lines}
        if len(study.columns) == 4:
            drawn[f"{study.title} -> {study.latents}"] = left
    write_json(given.output / "residuals.json", found)
    if drawn:
        draw(drawn, given.output / "residuals.png")
    return found
