"""A compression that nobody has trained: its networks are random, what comes back is right."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from boostflow.config.rounding import Rounded
from boostflow.models.autoencoder import FAMILY, exact
from boostflow.models.autoencoder.codec import FILE, Codec, Column


def random_layers(inputs: int, components: int, seed: int, hidden: int = 8) -> exact.Layers:
    """A network with weights of a Gaussian, in whole numbers."""
    rng = np.random.default_rng(seed)
    outputs = 3 * components + 1
    shapes = [(inputs, hidden), (hidden,), (hidden, hidden), (hidden,), (hidden, outputs)]
    return exact.whole(
        exact.Layers(*(rng.normal(0, 0.5, s) for s in (*shapes, (outputs,), (inputs, outputs))))
    )


def untrained(declared: Mapping[str, Rounded], seen: Mapping[str, NDArray]) -> Codec:
    """A codec of these columns, as `seen` has them."""
    columns = {name: Column.seen(name, one, seen[name]) for name, one in declared.items()}
    return Codec(columns, [random_layers(i, 2, i) for i in range(len(columns))])


def written(codec: Codec, folder: Path) -> Path:
    """The folder of a model with this codec, as far as commands read it."""
    folder.mkdir(exist_ok=True)
    (folder / FILE).write_bytes(codec.content())
    (folder / "manifest.json").write_text(json.dumps({"kind": FAMILY.kind}))
    return folder
