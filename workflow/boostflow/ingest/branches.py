"""What branches of a tree must be: one number an event, or a list of them; floats or integers.

Only metadata are read, and counters that should agree. Branches of types that are not known here
pass: reading them will tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np

from boostflow.errors import BadFile
from boostflow.ingest.features import (
    AREA,
    CONSTITUENTS,
    COUNT,
    EVENT,
    FATJET,
    GENERATOR_JETS,
    TRUTH,
    Features,
)

_FLOAT = re.compile(r"float|double|Float\w*_t|Double\w*_t")
_INTEGER = re.compile(r"bool|Bool_t|char|short|int|long|U?(Char|Short|Int|Long)(64)?_t")
_STRING = re.compile(r"char\*|string|TString")
_LIST = re.compile(r"\[|vector|RVec")


def require_types(file: str, tree: Any, features: Features, *, match: bool) -> None:
    """Compare the branches that will be read with what they must be.

    Args:
        file: for messages.
        tree: of uproot.
        features: what was found in it, which decides what will be read.
        match: whether generator particles are.

    Raises:
        BadFile: names every branch that is something else.
    """
    wrong = [
        f"{name} is {found}, must be {wanted}"
        for name, wanted in _wanted(features, match).items()
        if not _fits(found := describe(tree[name].typename), wanted)
    ]
    if wrong:
        raise BadFile(f"{file}: {'; '.join(wrong)}")
    lists = [name for name, wanted in _wanted(features, match).items() if "list" in wanted]
    _require_counters(file, tree, lists)


def _require_counters(file: str, tree: Any, lists: Iterable[str]) -> None:
    """Each collection has one number of entries an event, or several branches with the same.

    Raises:
        BadFile: entries would go to the wrong events.
    """
    counters: dict[str, set[str]] = {}
    for name in lists:
        counter = getattr(tree[name], "count_branch", None)
        collection, _, rest = name.partition("_")
        if counter is not None and rest:
            counters.setdefault(f"n{collection}", set()).add(counter.name)
    have = set(tree.keys())
    for owner, names in counters.items():
        if owner not in have:
            raise BadFile(f"{file}: no branch {owner}, the number of {owner[1:]} of each event")
        # Skims may count each branch by itself.
        for other in sorted(names - {owner}):
            numbers = [tree[name].array(library="np") for name in (owner, other)]
            if not np.array_equal(*numbers):
                raise BadFile(
                    f"{file}: {other} is not {owner} in some events: they would get the jets of "
                    "others"
                )


def describe(typename: str) -> str:
    """A type of uproot in words: `a float`, `a list of integers`, `text`; itself if unknown."""
    plain = typename.removesuffix("*") if typename != "char*" else typename
    if _STRING.search(plain):
        return "text"
    number = "float" if _FLOAT.search(plain) else "integer" if _INTEGER.search(plain) else None
    if number is None:
        return typename
    if _LIST.search(plain):
        return f"a list of {number}s"
    return f"{'a' if number == 'float' else 'an'} {number}"


def _fits(found: str, wanted: str) -> bool:
    known = found == "text" or found.startswith(("a ", "an "))
    return (
        not known
        or found == wanted
        or (wanted == "a number" and found != "text" and "list" not in found)
    )


def _wanted(features: Features, match: bool) -> dict[str, str]:
    """By branch."""
    result = dict.fromkeys(EVENT, "an integer")
    result |= dict.fromkeys(FATJET, "a list of floats")
    if features.gen_weight:
        result["genWeight"] = "a number"
    result |= dict.fromkeys(features.weights, "a list of floats")
    if features.met:
        result |= {f"{features.met}_{name}": "a float" for name in ("pt", "phi")}
    if features.rho:
        result[features.rho] = "a float"
    if features.area:
        result[AREA] = "a list of floats"
    momenta = ("pt", "eta", "phi", "mass")

    def collection(names: Iterable[str]) -> dict[str, str]:
        kinds = {name: name.rpartition("_")[2] in momenta for name in names}
        return {n: f"a list of {'floats' if f else 'integers'}" for n, f in kinds.items()}

    if features.constituents:
        result |= collection(CONSTITUENTS)
    if features.constituents and features.counted:
        result |= collection([COUNT])
    if match:
        result |= collection(TRUTH)
    if features.generator_jets:
        result |= collection(GENERATOR_JETS)
    return result
