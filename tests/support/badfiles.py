"""Files with one defect each, made from sound ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import awkward as ak
import numpy as np
import uproot

COLLECTIONS = ("FatJetPFCands", "FatJet", "PFCands", "GenPart")

Branches = dict[str, ak.Array]


def rewrite(path: Path, change: Callable[[Branches], object], alone: tuple[str, ...] = ()) -> Path:
    """Write a file of `write_nano` anew with other content.

    Args:
        path: the file.
        change: is given all branches by name, without counters, and alters them.
        alone: branches that are written outside of their collection.
    """
    with uproot.open(path) as file:
        tree = file["Events"]
        counters = {f"n{name}" for name in (*COLLECTIONS, *tree.keys())}
        branches = {name: tree[name].array() for name in tree.keys() if name not in counters}  # noqa: SIM118
    change(branches)
    columns: Branches = {}
    grouped: dict[str, Branches] = {}
    for name, values in branches.items():
        owner = next((c for c in COLLECTIONS if name.startswith(f"{c}_")), None)
        if owner is None or name in alone:
            columns[name] = values
        else:
            grouped.setdefault(owner, {})[name.removeprefix(f"{owner}_")] = values
    columns |= {name: ak.zip(fields) for name, fields in grouped.items()}
    with uproot.recreate(path) as file:
        writer = file.mktree(
            "Events",
            {name: values.type.content for name, values in columns.items()},
            counter_name=lambda counted: "n" + counted,
            field_name=lambda outer, inner: inner if outer == "" else f"{outer}_{inner}",
        )
        writer.extend(columns)
    return path


def put(name: str, value: float) -> Callable[[Branches], None]:
    """A change: one number in the middle of a branch."""

    def change(branches: Branches) -> None:
        values = branches[name]
        flat = ak.to_numpy(ak.flatten(values, axis=None)).copy()
        flat[len(flat) // 2] = value
        branches[name] = ak.unflatten(flat, ak.num(values)) if values.ndim > 1 else ak.Array(flat)

    return change


def replace(name: str, make: Callable[[ak.Array], ak.Array]) -> Callable[[Branches], None]:
    """A change: a branch made from what it was."""

    def change(branches: Branches) -> None:
        branches[name] = make(branches[name])

    return change


def break_basket(path: Path, branch: str, length: int = 40) -> Path:
    """Zeros in the middle of a compressed basket: the file opens, and cannot be read to its end."""
    content = bytearray(path.read_bytes())
    with uproot.open(path) as file:
        branch_ = file["Events"][branch]
        last = branch_.num_baskets - 1
        seek = branch_.basket_key(last).fSeekKey + branch_.basket(last).member("fKeylen") + 12
    content[seek : seek + length] = bytes(length)
    path.write_bytes(bytes(content))
    return path


def cut(path: Path, part: float) -> Path:
    """Keep the first part of a file's bytes."""
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    return path


def as_text(values: ak.Array) -> ak.Array:
    """Strings, one an event."""
    return ak.Array([f"x{i}" for i in range(len(values))])


def scalar(values: ak.Array) -> ak.Array:
    """One number an event."""
    return ak.Array(np.linspace(1, 2, len(values), dtype="f4"))
