"""Weights of simulated events and jets that a sample declares: branches of its files, corrections.

Their nominal values multiply the weight of each selected jet; up and down become columns of
relative weights, which systematics of kind `weight` name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from boostflow.config.base import Block, FilePath
from boostflow.observables.catalogue import KINEMATICS, declared, ingested
from boostflow.observables.declare import Of

Side = Literal["nominal", "up", "down"]

VARIED: tuple[Side, ...] = ("up", "down")
ABSOLUTE = {"abs_eta": "eta"}
"""Inputs that are the absolute value of a column."""
COLUMNS = {
    *ABSOLUTE,
    *(name for name, one in declared().items() if one.of in (Of.JET, Of.EVENT)),
}
"""Inputs of corrections that are columns of the selected jets, as they are after smearing and
shifts: of the jet, and of its event. All other inputs are branches."""
ALIASES = {
    **{f"FatJet_{name}": name for name in KINEMATICS},
    **{f"FatJet_{one.branch}": one.name for one in ingested() if one.branch and one.scales},
    **{f"MET_{name}": f"met_{name}" for name in ("pt", "phi")},
}
"""Branches that smearing and shifts move, by NanoAOD's names: the column is meant."""


def _value(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"is {value!r}, must be a word or a number")
    return value


def _side(value: object) -> object:
    # All of it here: a union has a message for each of its types.
    if value is not None and (not value or not isinstance(value, str | dict)):
        raise ValueError(
            f"is {value!r}, must be a branch, or of a correction the values that differ"
        )
    for name, given in value.items() if isinstance(value, dict) else ():
        try:
            _value(given)
        except ValueError as error:
            raise ValueError(f"{name} {error}") from None
    return value


Values = dict[str, Annotated[str | int | float, BeforeValidator(_value)]]
"""Values of inputs of a correction by name: words or numbers."""


class SampleWeight(Block):
    """A weight of the events or jets of a simulated sample: a branch, or a correction.

    A branch has one number an event, or one a fat jet. Weights are finite and not negative; only
    entries of lists, as those of a generator, may be negative with `apply: false`.
    """

    branch: str | None = Field(None, min_length=1)
    """Branch of the nominal weight: `puWeight`, `FatJet_sf`; of a list the entry of a number:
    `mcEventWeights[0]`."""
    file: FilePath | None = Field(None, min_length=1)
    """A correctionlib file (.json or .json.gz), in the place of `branch`."""
    correction: str | None = Field(None, min_length=1)
    """Name of a correction in it."""
    inputs: dict[str, Annotated[str, Field(min_length=1)]] = {}
    """What the correction takes, by the names of its inputs: `{NumTrueInteractions:
    Pileup_nTrueInt}`. Names of columns of the selected jets (pt, eta, abs_eta, mass, msoftdrop,
    ht, ...) stand for these, as they are after smearing and shifts; all others are branches."""
    nominal: Values = {}
    """Words and numbers that it takes beside: `{weights: nominal}`."""
    up: Annotated[str | Values | None, BeforeValidator(_side)] = None
    """Branch of the up weight; of a correction the values that differ from nominal: `{weights:
    up}`. The column of relative weights is `weight_<name>_up`."""
    down: Annotated[str | Values | None, BeforeValidator(_side)] = None
    """Branch of the down weight, or the values of a correction that differ from nominal, as for
    `up`."""
    apply: bool = True
    """false: nominal multiplies nothing, as it is in genWeight or another entry has it; up and down
    are relative to it all the same."""

    @model_validator(mode="after")
    def has_one_source(self) -> SampleWeight:
        """A branch, or a correction with its file; sides that fit and do something."""
        of_correction = [x for x in ("file", "correction", "inputs", "nominal") if getattr(self, x)]
        if self.branch is not None and of_correction:
            raise ValueError(
                f"branch stands alone, without {' and '.join(of_correction)}, which corrections"
                " have"
            )
        if self.branch is None and (self.file is None or self.correction is None):
            raise ValueError("needs either branch, or file and correction")
        if both := self.inputs.keys() & self.nominal.keys():
            raise ValueError(f"nominal.{min(both)}: is in `inputs`, too")
        for side in VARIED:
            self._check_side(side)
        if self.up is None and self.down is not None:
            raise ValueError("down without up: a one-sided variation is declared with up alone")
        if self.down is not None and self.source("up") == self.source("down"):
            raise ValueError("down: is the same as up")
        if not self.apply and self.up is None:
            raise ValueError("apply: false without up does nothing: leave the entry out")
        return self

    def _check_side(self, side: Side) -> None:
        varied = getattr(self, side)
        if varied is None:
            return
        if self.branch is not None and not isinstance(varied, str):
            raise ValueError(f"{side}: must be a branch, as nominal is one")
        if self.branch is None:
            if isinstance(varied, str):
                raise ValueError(f"{side}: must be {{INPUT: VALUE}}: what differs from nominal")
            if unknown := [name for name in varied if name not in self.nominal]:
                raise ValueError(f"{side}.{unknown[0]}: `nominal` has no such input")
        if self.source(side) == self.source("nominal"):
            raise ValueError(f"{side}: is the same as nominal")

    def sides(self) -> list[Side]:
        """Nominal, and the variations that are declared."""
        return ["nominal", *(side for side in VARIED if getattr(self, side) is not None)]

    def source(self, side: Side) -> str | Values:
        """The branch that holds a side, or the words and numbers that its correction takes."""
        if side == "nominal":
            return self.nominal if self.branch is None else self.branch
        varied = getattr(self, side)
        return {**self.nominal, **varied} if isinstance(varied, dict) else varied


class Carried(Block):
    """A branch that ingest keeps for the weights of a sample."""

    weight: bool
    """Whether the branch is a weight, which is not negative; else it is the input of a correction,
    or an entry of a list of generator weights."""
    key: str = Field("", exclude=True)
    """Key of the configuration that names the branch, for messages: no job depends on it."""


def carried(weights: Mapping[str, SampleWeight], key: str = "weights") -> dict[str, Carried]:
    """Branches that the weights of a sample need, in the order in which they are named.

    Args:
        weights: by name.
        key: of the weights, for messages.
    """
    found: dict[str, Carried] = {}
    for where, name, weight in named(weights):
        if weight or jet_column(name) is None:
            before = found.get(name)
            # Those of a generator, which may be negative, stand in lists.
            factor = weight and not name.endswith("]")
            found[name] = Carried(
                weight=factor or (before is not None and before.weight),
                key=before.key if before else f"{key}.{where}",
            )
    return found


def files_of(weights: Mapping[str, SampleWeight]) -> list[str]:
    """The files that weights name, each once, in the order in which they are named."""
    return list(dict.fromkeys(block.file for block in weights.values() if block.file is not None))


def with_files(
    weights: Mapping[str, SampleWeight], files: Sequence[Path | str]
) -> dict[str, SampleWeight]:
    """Weights whose files are where they can be opened.

    Args:
        weights: by name.
        files: in the order of `files_of`.
    """
    found = dict(zip(files_of(weights), map(str, files), strict=True))
    return {
        name: block.model_copy(update={"file": found.get(block.file or "")})
        for name, block in weights.items()
    }


def named(weights: Mapping[str, SampleWeight]) -> Iterator[tuple[str, str, bool]]:
    """Branches and columns that weights name: the key, the name, and whether it is a weight."""
    for weight, block in weights.items():
        for side in block.sides():
            if isinstance(branch := block.source(side), str):
                yield f"{weight}.{'branch' if side == 'nominal' else side}", branch, True
        for name, value in block.inputs.items():
            yield f"{weight}.inputs.{name}", value, False


def column_of(name: str) -> str:
    """The column of the jets that holds the input of a correction."""
    return jet_column(name) or branch_column(name)


def branch_column(branch: str) -> str:
    """The column of the jets that holds a branch which ingest keeps: `branch_Pileup_nTrueInt`."""
    return "branch_" + re.sub(r"\W", "_", branch)


def relative_column(weight: str, side: Side) -> str:
    """The column of the jets that holds a variation of a weight, relative to nominal."""
    return f"weight_{weight}_{side}"


def relative_columns(weights: Mapping[str, SampleWeight]) -> list[str]:
    """Columns of all variations of a sample's weights."""
    return [
        relative_column(name, side)
        for name, block in weights.items()
        for side in block.sides()
        if side in VARIED
    ]


def jet_column(name: str) -> str | None:
    """The column that an input means, where it is no branch."""
    name = ALIASES.get(name, name)
    return name if name in COLUMNS else None
