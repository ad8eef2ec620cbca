"""What the analysis needs of the files of each sample, beyond what every analysis does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import Field

from boostflow.config.base import Block
from boostflow.config.samples import FileSample, RootSample, is_data, is_table
from boostflow.config.systematics import AnySystematic, Weight
from boostflow.config.weights import jet_column

if TYPE_CHECKING:
    from boostflow.config.config import Config


class Needs(Block):
    """What the rest of the chain needs of the jets of one sample."""

    constituents: list[str] = Field(default_factory=list)
    """Models that need jets with constituents."""
    weights: dict[str, str] = Field(default_factory=dict)
    """Columns of relative weights, and the systematic that needs each."""
    columns: dict[str, list[str]] = Field(default_factory=dict)
    """Columns of the jets, and the keys of the configuration that name each."""


def needs(config: Config, systematics: Mapping[str, AnySystematic]) -> dict[str, Needs]:
    """The needs of each sample that has files, if it has any.

    Args:
        config: the configuration.
        systematics: those that are declared; without a fit none is run.
    """
    result = {}
    networks = [name for name, block in config.models.items() if block.reads().constituents]
    columns = named_columns(config)
    for name, sample in config.samples.items():
        # What tables have is said by their `columns`.
        if not isinstance(sample, FileSample) or is_table(sample):
            continue
        weights: dict[str, str] = {}
        for systematic, declared in systematics.items() if config.has_fit else ():
            touched = declared.samples is None or name in declared.samples
            if isinstance(declared, Weight) and touched and not is_data(sample):
                weights |= dict.fromkeys(declared.members().values(), systematic)
        named = columns | _of_weights(sample)
        if networks or weights or named:
            result[name] = Needs(constituents=networks, weights=weights, columns=named)
    return result


def _of_weights(sample: FileSample) -> dict[str, list[str]]:
    """Columns that the weights of a sample take as inputs."""
    result: dict[str, list[str]] = {}
    for weight, block in sample.weights.items() if isinstance(sample, RootSample) else ():
        for name, given in block.inputs.items():
            if column := jet_column(given):
                result.setdefault(column, []).append(f"weights.{weight}.inputs.{name}")
    return result


def named_columns(config: Config) -> dict[str, list[str]]:
    """Columns of the jets that the configuration names, with the keys where it does."""
    named = [
        (f"models.{name}", column)
        for name, block in config.models.items()
        for column in block.reads().columns
    ]
    if config.has_fit:
        regions = config.templates.regions.items()
        cuts = {f"templates.regions.{name}.within": region.within for name, region in regions}
        named += [(key, column) for key, within in cuts.items() for column in within]
    if config.has_fit or config.background is not None:
        named.append(("templates.variable", config.templates.variable))
    if config.background is not None:
        found = config.background.columns()
        named += [(f"background.{key}", column) for key, column in found.items()]
    result: dict[str, list[str]] = {}
    for key, column in named:
        result.setdefault(column, []).append(key)
    return result
