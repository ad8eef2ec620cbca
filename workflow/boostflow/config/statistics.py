"""Blocks of templates and the fit."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from boostflow.config.base import Block, Name, Range
from boostflow.config.defaults import CLASSIFIER
from boostflow.config.transfer import Transfer, TransferFlag

MU = "mu"
"""Name of the parameter of interest where there is only one."""


def _different(names: list[str]) -> list[str]:
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{', '.join(twice)} is listed twice")
    return names


Samples = Annotated[list[Name], Field(min_length=1)]
Columns = Annotated[list[str], Field(min_length=1), AfterValidator(_different)]


class Region(Block):
    """A range of one model's score, or the clusters of some classes."""

    model: Name = CLASSIFIER
    score: Annotated[
        Annotated[str, Tag("one")] | Annotated[Columns, Tag("list")],
        Discriminator(lambda value: "list" if isinstance(value, list) else "one"),
    ] = "p_top"
    """Column of the model's score table; or a list of columns, whose sum it is then."""
    range: Range | None = None
    """Range of the score."""
    clusters: list[Name] | None = Field(None, min_length=1)
    """Instead of a range: the clusters that stand for these classes (matched once, globally, on the
    validation split)."""
    without: list[Name] = []
    """Other regions; jets in their ranges are left out, so that regions of several scores do not
    overlap."""
    within: dict[str, Range] = {}
    """Ranges of columns of the selected jets in which its jets lie as well: {pt: [400, 600]}."""
    control: bool = False
    """A region without signal: collision data is shown there also while the analysis is blinded."""

    def columns(self) -> list[str]:
        """The columns whose sum has to lie in the range."""
        return [self.score] if isinstance(self.score, str) else list(self.score)

    def expression(self) -> str:
        """The sum as a text, `p_w + p_z`."""
        return " + ".join(self.columns())

    @model_validator(mode="after")
    def is_one_of_both(self) -> Region:
        """A range or clusters."""
        if (self.range is None) == (self.clusters is None):
            raise ValueError("needs either range (of a score) or clusters (classes)")
        return self


class Templates(Block):
    """Histograms of one observable in score regions."""

    variable: str = "msoftdrop"
    """Column of the selected jets."""
    bins: int = Field(12, ge=1)
    """Number of bins."""
    range: Range = [50.0, 290.0]
    """Axis range (GeV for masses)."""
    edges: list[float] | None = Field(None, min_length=2)
    """Ascending edges of bins of unequal width, in the place of bins and range."""
    overflow: Literal["drop", "first", "last", "both"] = "drop"
    """What lies outside: left out (drop), or what is below counts in the first bin (first), what is
    above in the last (last), or both. The share outside is a note of the fit."""
    regions: dict[Name, Region] = Field(
        {
            "pass": Region(range=[0.9, 1.0]),
            "fail": Region(range=[0.0, 0.9]),
        },
        min_length=1,
    )
    """Regions by name; they must not overlap. The lower edge belongs to the region, as does 1."""

    @model_validator(mode="after")
    def has_one_axis(self) -> Templates:
        """Edges ascend; bins and range are theirs."""
        if self.edges is None:
            return self
        if not all(low < high for low, high in pairwise(self.edges)):
            raise ValueError("edges: must ascend")
        own = {"bins": len(self.edges) - 1, "range": [self.edges[0], self.edges[-1]]}
        for name, value in own.items():
            if name in self.model_fields_set and getattr(self, name) != value:
                raise ValueError(f"edges: stands alone, without {name}")
            setattr(self, name, value)
        return self


class Prune(Block):
    """Effects below these sizes are left out of the fit; yield and shape apart."""

    norm: float = Field(0.0005, ge=0)
    """Largest relative change of a sample's yield in a region."""
    shape: float = Field(0.0005, ge=0)
    """Largest relative change of a bin at fixed yield."""


Flag = Literal["nan", "empty", "zero", "large", "one_sided", "flipped", "insignificant"]
"""What the health check says of a systematic effect: boostflow.infer.health."""
AnyFlag = Literal[Flag, TransferFlag]
"""All that may be flagged of a fit."""


class Infer(Block):
    """The fit of the signal strength, or of several."""

    signal: Annotated[
        Annotated[Samples, Tag("list")]
        | Annotated[dict[Name, Samples], Field(min_length=1), Tag("mapping")],
        Discriminator(lambda value: "mapping" if isinstance(value, dict) else "list"),
    ] = ["top"]
    """Samples whose common strength mu is fitted. Several parameters of interest are a mapping of
    their names to samples, `{mu_top: [top], mu_v: [w, z]}`; the first one is that of scans of a
    classifier's cut."""
    data: Literal["asimov", "pseudo", "observed"] = "asimov"
    """What is fitted. asimov: the expectation. pseudo: Poisson numbers around the expectation of
    the validation split, which is independent of the templates. observed: the samples with
    `data: true`, once `unblind` allows it."""
    unblind: bool = False
    """true: collision data may be seen everywhere, also by `background`; false: only outside the
    signal regions of the fit, region A and the window of the background estimates."""
    seed: int = Field(1, ge=0)
    """Seed of pseudo-data and toys."""
    toys: int = Field(0, ge=0, le=1_000_000)
    """Pseudo-experiments without and with signal that check the discovery significance; 0: none."""
    mc_stat: bool = True
    """Statistical uncertainty of the templates (Barlow-Beeston, lite); pseudo-data need it. A
    background that is empty in simulation is uncertain by one jet in any case."""
    bin_error_max: float = Field(0.5, gt=0)
    """Neighbouring bins are merged until the relative statistical error of the simulated background
    is not larger than this."""
    transfer: Transfer | None = None
    """A background that is taken from data: {estimated: [quark, gluon], fail: fail, pass: [pass],
    basis: bernstein, order: 1} (docs/transfer.md); null: all from simulation."""
    prune: Prune = Prune()
    minor: float = Field(0.0, ge=0, lt=1)
    """Samples with a smaller part of the events that are expected in a region are not varied there:
    all changes of a handful of jets among thousands are noise. 0: none is minor."""
    few_jets: float = Field(0.0, ge=0)
    """Bins in which fewer jets of a sample were simulated change with the others of the region, not
    by the jets that one variation or another happens to have in them. 0: every bin by itself."""
    strict: bool | list[AnyFlag] = False
    """true: the run ends with an error, after all else is done, if the health check of systematic
    effects, or the tests of a background from data, have flagged any. A list: if there is one of
    these flags."""

    @model_validator(mode="after")
    def knows_the_errors_of_pseudo_data(self) -> Infer:
        """The expectation of pseudo-data differs from the templates by the errors of both."""
        if self.data == "pseudo" and not self.mc_stat:
            raise ValueError(
                "mc_stat: false is not possible with data: pseudo: they come from finite"
                " simulation, whose statistical errors would be missing in the fit"
            )
        return self

    def pois(self) -> dict[str, list[str]]:
        """Samples of each parameter of interest, the main one first."""
        return dict(self.signal) if isinstance(self.signal, dict) else {MU: list(self.signal)}

    def signals(self) -> list[str]:
        """The samples of all parameters of interest."""
        return [sample for samples in self.pois().values() for sample in samples]

    def forbidden(self) -> list[AnyFlag]:
        """Flags that end the run with an error."""
        if isinstance(self.strict, bool):
            return list(get_args(AnyFlag)) if self.strict else []
        return self.strict
