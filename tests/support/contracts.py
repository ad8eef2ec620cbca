"""Rerun contracts: which key of an analysis changes the settings of which job."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from boostflow.analysis import Analysis
from boostflow.config.config import Config
from boostflow.config.systematics import SYSTEMATICS
from boostflow.jobs.base import Job

REPOSITORY = Path(__file__).resolve().parents[2]

Jobs = Mapping[str, Callable[[Analysis], Job]]
"""Jobs of an analysis by a name that a test gives them."""
Case = tuple[str, Any, set[str]]
"""A key, `select.event.ht_min`, another value of it, and the jobs whose settings change."""


def analysis(config: dict[str, Any], systematics: dict[str, Any]) -> Analysis:
    """An analysis whose files need not be there."""
    checked = Config.model_validate(config), SYSTEMATICS.validate_python(systematics)
    return Analysis(*checked, REPOSITORY)


def texts(jobs: Jobs, config: dict[str, Any], systematics: dict[str, Any]) -> dict[str, str]:
    """The JSON of each job."""
    found = analysis(config, systematics)
    return {name: make(found).text() for name, make in jobs.items()}


def changed(
    jobs: Jobs, config: dict[str, Any], systematics: dict[str, Any], key: str, value: Any
) -> set[str]:
    """Names of the jobs whose JSON is another with another value of a key.

    Args:
        jobs: those that are looked at.
        config: the configuration.
        systematics: entries by name.
        key: of the configuration; of an entry after `systematics:`.
        value: another one.
    """
    before = analysis(config, systematics)
    whole = {"config": copy.deepcopy(config), "systematics": copy.deepcopy(systematics)}
    where, _, path = key.rpartition(":")
    block = whole["systematics" if where else "config"]
    *folders, last = path.split(".")
    for name in folders:
        block = block.setdefault(name, {})
    block[last] = value
    after = analysis(whole["config"], whole["systematics"])
    assert (after.config, after.systematics) != (before.config, before.systematics)
    return {name for name, make in jobs.items() if make(after).text() != make(before).text()}


def leaves(block: type[BaseModel], path: str, whole: Collection[str] = ()) -> Iterator[str]:
    """The keys of a block, and of the blocks in it that have a default.

    Args:
        block: its type.
        path: of the block in the configuration.
        whole: names of blocks that count as one key.
    """
    for name, field in block.model_fields.items():
        if isinstance(field.default, BaseModel) and name not in whole:
            yield from leaves(type(field.default), f"{path}.{name}", whole)
        else:
            yield f"{path}.{name}"


def named(part: Any) -> str:
    """How pytest calls a part of a case; sets have another order in each of its processes."""
    return "" if isinstance(part, set) else str(part)[:60]
