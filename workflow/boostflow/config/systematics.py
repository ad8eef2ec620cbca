"""Declared systematic uncertainties: the entries of config/systematics.yaml.

An entry has a kind, which says where it enters the chain (`boostflow.variations`), and one of these
forms:

* `up` and `down`: two sides,
* `up` alone: one-sided, down = 2 nominal - up,
* `envelope`: several alternatives, of which the extremes count bin by bin (scales: never a sum in
  quadrature),
* `replicas`: their spread around their mean (Monte Carlo PDF sets, seeds, bootstraps),
* `hessian`: their differences from nominal, each on its own (Hessian PDF sets).

The last two are several nuisance parameters (`boostflow.effects`), all others are one.

Kinds with a natural size (rate, shift, constituent) take a value or a correction instead and have
both sides; a shift may name one side, or an envelope of corrections.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import Discriminator, Field, Tag, TypeAdapter, field_validator, model_validator

from boostflow.config.base import Block, Name, Setting, expanded
from boostflow.config.chain import Smearing
from boostflow.config.samples import EVENTS_MAX
from boostflow.config.statistics import Prune, Region

Group = Literal["exp", "model", "ml"]

Change = TypeVar("Change")
"""What one side or member changes."""

COMBINATIONS = ("envelope", "replicas", "hessian")
"""Forms with several members, of which a rule makes an up and a down template."""
SPREADS = ("replicas", "hessian")
"""Forms with several members of which each is an independent parameter."""
FORMS = ("up", "down", *COMBINATIONS)
PREFIXES = ("staterror_", "control_", "transfer_", "simulated_")
"""How the names of parameters begin that the fit makes itself; no other one's may."""


class Systematic(Block):
    """What all kinds share."""

    enabled: bool = True
    """false: declared, but neither run nor fitted."""
    group: Group = "exp"
    """Part of `mu = value ± stat ± exp ± model ± ml` in which the uncertainty is counted."""
    samples: list[Name] | None = Field(None, min_length=1)
    """Samples that it touches; null for all."""
    regions: list[Name] | None = Field(None, min_length=1)
    """Regions of the fit that it touches; null for all."""
    parameter: Name | None = None
    """Name of its nuisance parameter; entries with the same one are fully correlated. null: the
    entry's own name."""
    title: str | None = None
    """How plots and tables call it; null for its name."""

    def members(self) -> dict[str, Any]:
        """What is varied, by direction (`up`, `down`, `m0`, `m1`...); empty without templates."""
        return {}

    def combination(self) -> str | None:
        """The rule that makes up and down of the members; null where there are sides."""
        return None

    def spread(self) -> str | None:
        """replicas or hessian, where the members are several parameters; else null."""
        rule = self.combination()
        return rule if rule in SPREADS else None


class Templated(Systematic):
    """What kinds with templates of their own share."""

    symmetrise: Literal["none", "mean", "largest"] = "none"
    """none: up and down as they are. mean: half of their difference, bin by bin. largest: the
    larger of both changes in each bin, with the sign of up."""
    smooth: Literal["none", "353qh", "linear", "flat"] = "none"
    """Smoothing of the ratio to nominal: running medians (353QH, twice), a straight line, or a
    constant."""
    prune: Prune | None = None
    """Thresholds of this entry; null for those of `infer.prune`."""


class Alternatives(Templated, Generic[Change]):
    """Sides or members that are declared one by one."""

    up: Change | None = None
    """The up variation."""
    down: Change | None = None
    """The down variation; with `up` alone down is 2 x nominal - up."""
    envelope: list[Change] | None = Field(None, min_length=2)
    """Alternatives whose extremes count, bin by bin."""
    replicas: list[Change] | None = Field(None, min_length=2)
    """Alternatives whose spread counts, as several parameters."""
    hessian: list[Change] | None = Field(None, min_length=1)
    """Alternatives whose differences from nominal count, as independent parameters."""

    @model_validator(mode="after")
    def has_one_form(self) -> Alternatives[Change]:
        """Exactly one form."""
        check_form(self)
        return self

    def members(self) -> dict[str, Change]:
        """Up, down or numbered members."""
        form = self.combination()
        if form is not None:
            return {f"m{i}": member for i, member in enumerate(getattr(self, form))}
        sides = {"up": self.up, "down": self.down}
        return {name: change for name, change in sides.items() if change is not None}

    def combination(self) -> str | None:
        """The rule that makes up and down of the members; null where there are sides."""
        return next((name for name in COMBINATIONS if getattr(self, name) is not None), None)


def check_form(declared: Alternatives) -> None:
    """Raise ValueError unless a declaration has exactly one form, and no key without effect."""
    forms = [name for name in FORMS if getattr(declared, name) is not None]
    if declared.up is None and declared.down is not None:
        raise ValueError("down without up: a one-sided variation is declared with up alone")
    if len([name for name in forms if name != "down"]) != 1:
        found = " and ".join(forms) or "none"
        raise ValueError(f"needs one of up (and down), envelope, replicas, hessian; found {found}")
    if declared.symmetrise != "none" and (form := declared.spread()):
        raise ValueError(
            f"symmetrise: {declared.symmetrise} does nothing to {form}, whose parameters are all "
            "symmetric; leave it out"
        )


class Rate(Systematic):
    """Normalisation: touches the fit alone."""

    kind: Literal["rate"]
    value: float | None = Field(None, gt=0, lt=1)
    """Relative uncertainty: 0.016 for 1.6 %."""
    up: float | None = Field(None, gt=-1, lt=10)
    """Relative change of the up side, where the sides differ: 0.05."""
    down: float | None = Field(None, gt=-1, lt=10)
    """Relative change of the down side: -0.03; null: minus that of up."""

    @model_validator(mode="after")
    def has_a_size(self) -> Rate:
        """A value, or sides."""
        if (self.value is None) == (self.up is None):
            raise ValueError("needs either value, or up (and down)")
        if self.up is None and self.down is not None:
            raise ValueError("down without up")
        if self.sides() == (1, 1):
            raise ValueError("up: 0 changes nothing")
        if self.sides()[1] <= 0:
            raise ValueError("up: the yield of the mirrored side would not be positive; give down")
        return self

    def sides(self) -> tuple[float, float]:
        """Factors of the yield: up and down."""
        up = self.value if self.up is None else self.up
        assert up is not None
        return 1 + up, 1 + (-up if self.down is None else self.down)


class Weight(Alternatives[Name]):
    """Other columns of relative event weights (1 = nominal): touches the templates.

    In lists `weight_pdf_{1..100}` stands for 100 columns.
    """

    kind: Literal["weight"]

    @field_validator(*COMBINATIONS, mode="before")
    @classmethod
    def expand_ranges(cls, value: object) -> object:
        """Write out the columns of ranges."""
        return expanded(value)


Quantity = Literal["energy", "mass", "resolution", "mass_resolution"]
Side = Literal["up", "down"]


class JetShift(Block):
    """One direction of a shift: what the selection is told."""

    quantity: Quantity
    side: Side
    correction: str | None = None
    """Correction that shifts energy, mass or a column; null for resolutions and a value."""
    column: str | None = None
    """Column of a table that is shifted, whatever the quantity; null for jets."""
    value: float | None = None
    """What is added to the column, or taken from it."""
    smearing: Smearing | None = None
    """Smearing that a shift of a resolution varies; null for that of the selection."""


class Shift(Templated):
    """A shift of reconstructed jets, or of a column: touches the selection and all after it.

    Corrections are named as in the correctionlib file of `select.corrections`.
    """

    kind: Literal["shift"]
    quantity: Quantity = "energy"
    """energy scales the whole four-momentum (and MET), mass the masses alone; resolution smears the
    four-momentum (and MET), mass_resolution the masses."""
    correction: str | None = None
    """Relative uncertainty of the scale of energy or mass."""
    envelope: list[str] | None = Field(None, min_length=2)
    """Several such corrections, of which the extremes count bin by bin."""
    resolution: str | None = None
    """Relative resolution of simulated jets; null for that of `select.smearing` (of masses:
    `select.mass_smearing`)."""
    scale_factor: str | None = None
    """Resolution of data over simulation, by `systematic`: nom, up, down; null as above."""
    column: str | None = None
    """Column of tables that is shifted, in the place of a quantity of jets: `up` adds `value`, or
    what the `correction` of the row's columns is, and `down` takes it away."""
    value: float | None = None
    """What is added to the column, in its units."""
    sides: list[Side] = Field(["up", "down"], min_length=1, max_length=2)
    """[up] is one-sided: down is then 2 x nominal - up."""

    @model_validator(mode="after")
    def has_what_its_quantity_takes(self) -> Shift:
        """A correction or an envelope of them; resolutions: both names, or none."""
        if len(set(self.sides)) < len(self.sides):
            raise ValueError("sides: one is listed twice")
        if "up" not in self.sides:
            raise ValueError("sides: down without up; a one-sided shift has up alone")
        if self.column is not None:
            return self._moves_a_column()
        if self.value is not None:
            raise ValueError("value: needs `column`, the column of tables that it is added to")
        smears = self.quantity in ("resolution", "mass_resolution")
        foreign = ("correction", "envelope") if smears else ("resolution", "scale_factor")
        if given := [name for name in foreign if getattr(self, name) is not None]:
            raise ValueError(f"quantity {self.quantity} takes no {' and '.join(given)}")
        if smears and (self.resolution is None) != (self.scale_factor is None):
            raise ValueError("needs both of resolution and scale_factor, or none")
        if not smears and (self.correction is None) == (self.envelope is None):
            raise ValueError("needs either correction, or envelope")
        if self.envelope and len(set(self.envelope)) < len(self.envelope):
            raise ValueError("envelope: a correction is listed twice")
        return self

    def _moves_a_column(self) -> Shift:
        """A column takes either a value or a correction."""
        # What a job is told has every key, most of them at its default.
        fields = type(self).model_fields
        foreign = ("quantity", "envelope", "resolution", "scale_factor")
        if given := [name for name in foreign if getattr(self, name) != fields[name].default]:
            raise ValueError(f"a shift of a column takes no {' and '.join(given)}")
        if (self.value is None) == (self.correction is None):
            raise ValueError("a shift of a column needs either value, or correction")
        if self.value == 0:
            raise ValueError("value: 0 changes nothing")
        return self

    def combination(self) -> str | None:
        """Envelope, or sides."""
        return None if self.envelope is None else "envelope"

    def smearing(self) -> Smearing | None:
        """The smearing that the entry names itself; null for that of the selection."""
        if self.resolution is None or self.scale_factor is None:
            return None
        return Smearing(resolution=self.resolution, scale_factor=self.scale_factor)

    def members(self) -> dict[str, JetShift]:
        """The sides; of an envelope those of each correction in turn."""
        if self.envelope is not None:
            pairs = itertools.product(self.envelope, sorted(self.sides, reverse=True))
            return {
                f"m{i}": JetShift(quantity=self.quantity, side=side, correction=name)
                for i, (name, side) in enumerate(pairs)
            }
        return {
            side: JetShift(
                quantity=self.quantity,
                side=side,
                correction=self.correction,
                column=self.column,
                value=self.value,
                smearing=self.smearing(),
            )
            for side in sorted(self.sides, reverse=True)
        }


class Compression(Templated):
    """What a compression does to the analysis: touches the selection and all after it.

    The columns of selected jets are replaced by what comes back of them, before the cuts.
    One-sided.
    """

    kind: Literal["compression"]
    model: Name
    """Model that compresses; its columns and bounds decide what comes back, not its training."""

    def members(self) -> dict[str, Name]:
        """The model, as up."""
        return {"up": self.model}


class Constituent(Templated):
    """A variation of jet constituents: touches ingestion and all after it."""

    kind: Literal["constituent"]
    quantity: Literal[
        "track_efficiency",
        "charged_scale",
        "neutral_scale",
        "charged_resolution",
        "neutral_resolution",
    ]
    """track_efficiency loses a part of the charged constituents, the scales change the momentum of
    charged or neutral ones, the resolutions smear it by a Gaussian on top."""
    value: float = Field(gt=0, lt=0.5)
    """Relative size: 0.02 for 2 % of the tracks, of the momentum, or of its resolution."""

    def members(self) -> dict[str, Literal["up", "down"]]:
        """Scales go up and down; tracks can only be lost, momenta only be smeared: one-sided."""
        both = self.quantity.endswith("scale")
        return {"up": "up", "down": "down"} if both else {"up": "up"}


Settings = Annotated[list[Setting], Field(min_length=1)]
"""One or more Pythia settings."""
Keys = Annotated[dict[str, Any], Field(min_length=1)]
"""Keys of the block of a model or of a generator with their values."""


def _form(value: object) -> str | None:
    return "lines" if isinstance(value, list) else "keys" if isinstance(value, dict) else None


Alternative = Annotated[
    Annotated[Settings, Tag("lines")] | Annotated[Keys, Tag("keys")], Discriminator(_form)
]
"""Pythia settings or keys of `simulation` of simulated samples, or keys of the generator of
generated ones."""


class SampleVariation(Alternatives[Alternative]):
    """Alternative simulation: touches everything.

    What changes are lines for Pythia, or keys of `simulation`, as `{detector: {calorimeter:
    cascade}}`; keys of the generator where samples are generated.
    """

    kind: Literal["sample"]
    group: Group = "model"
    parts: int | None = Field(None, ge=1, le=10_000)
    """Files of each alternative sample; null for as many as the nominal sample has."""
    events: int | None = Field(None, ge=10, le=EVENTS_MAX)
    """Events in each of them; null for as many as in the nominal ones."""

    @model_validator(mode="after")
    def takes_no_hessian(self) -> SampleVariation:
        """Each difference from nominal has the statistical error of nominal: they would add up."""
        if self.hessian is not None:
            raise ValueError(
                "hessian: alternative samples differ from nominal by its statistical error, too, "
                "which would count once for each of them; use replicas, or up and down"
            )
        return self


class ModelVariation(Alternatives[Keys]):
    """Another training (keys of the model's block that change), or other regions in its place."""

    kind: Literal["model"]
    group: Group = "ml"
    model: Name | None = None
    """Model that is trained otherwise."""
    instead: dict[Name, Region] | None = None
    """Regions in the place of those of `templates.regions`, all of them: another model's.
    One-sided."""
    use: Literal["fit", "crosscheck"] = "fit"
    """crosscheck: with `instead`; what these regions could measure is compared, and no nuisance
    parameter made of the difference."""

    @model_validator(mode="after")
    def has_one_form(self) -> ModelVariation:
        """Other regions are one alternative and stand alone; else a model and what changes."""
        forms = [name for name in FORMS if getattr(self, name) is not None]
        if self.instead is not None:
            if forms or self.model is not None:
                raise ValueError(f"instead: stands alone, without {', '.join(['model', *forms])}")
        elif self.model is None:
            raise ValueError("needs model (and what changes), or instead (other regions)")
        else:
            check_form(self)
        if self.use == "crosscheck" and self.instead is None:
            raise ValueError("use: crosscheck compares other regions, which instead declares")
        return self

    def members(self) -> dict[str, dict[str, Any]]:
        """Up, down or numbered members; with `instead` up alone, which changes no training."""
        return super().members() if self.instead is None else {"up": {}}


AnySystematic = Annotated[
    Rate | Weight | Shift | Compression | Constituent | SampleVariation | ModelVariation,
    Field(discriminator="kind"),
]

SYSTEMATICS = TypeAdapter(dict[Name, AnySystematic])


def by_parameter(systematics: Mapping[str, AnySystematic]) -> Mapping[str, Sequence[str]]:
    """Names of the systematics behind each parameter, as they are declared."""
    result: dict[str, list[str]] = {}
    for name, declared in systematics.items():
        result.setdefault(declared.parameter or name, []).append(name)
    return result


def titles(systematics: Mapping[str, AnySystematic]) -> dict[str, str]:
    """The title of each parameter: that of its only systematic, else its name."""
    return {
        parameter: (systematics[names[0]].title if len(names) == 1 else None) or parameter
        for parameter, names in by_parameter(systematics).items()
    }


def nuisances(systematics: Mapping[str, AnySystematic]) -> dict[str, str]:
    """The declared parameter behind each name that a nuisance parameter of the fit may have.

    Replicas and Hessian sets are `<parameter>_1`, `<parameter>_2`..., at most as many as members.
    """
    result = {}
    for parameter, names in by_parameter(systematics).items():
        declared = systematics[names[0]]
        if declared.spread() is None:
            result[parameter] = parameter
        else:
            numbers = range(1, len(declared.members()) + 1)
            result |= {f"{parameter}_{number}": parameter for number in numbers}
    return result
