"""What the blocks of networks share that tell classes apart: their training, their constituents.

Read when a run is planned: pydantic and the standard library alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import AfterValidator, Field

from boostflow.config.problems import Place, Problem
from boostflow.constituents.catalogue import DIRECTION
from boostflow.constituents.collections import COLLECTIONS, CollectionName
from boostflow.models.classifying import ClassifierBlock
from boostflow.models.family import DistributedBlock, Reads, TabularBlock, digest
from boostflow.observables.catalogue import known_features

if TYPE_CHECKING:
    from boostflow.config.config import Config

PARTICLES = [
    *("eta_rel", "phi_rel", "log_pt_rel", "delta_r", "log_e", "log_e_rel", "log_pt"),
    "log_local_pt",
]
"""Features of a particle that networks read where nothing else is said: every input has them."""


def _wide(widths: list[Any]) -> list[Any]:
    inner = [w for part in widths for w in (part if isinstance(part, list) else [part])]
    if inner and min(inner) < 1:
        raise ValueError(f"{widths}: every width must be at least 1")
    return widths


Widths = Annotated[list[int], AfterValidator(_wide)]
"""Widths of layers, one after the other."""
WidthsOfParts = Annotated[list[list[int]], AfterValidator(_wide)]
"""Widths of the layers of each part."""


class LearnedBlock(DistributedBlock):
    """What the blocks of networks share that Adam trains with a rate that falls as a cosine."""

    processes: int = Field(1, ge=1, le=1024)
    """Horovod processes (`horovodrun -np`). They share each batch, so the result hardly depends on
    their number; small trainings end before several processes have started."""
    seed: int = Field(1, ge=0)
    """Seed of the initial weights, dropout and the shuffling."""
    epochs: int = Field(40, ge=1)
    """Most epochs of the training."""
    patience: int = Field(10, ge=1)
    """Stop when the validation loss has not improved for so many epochs; the best epoch counts."""
    batch: int = Field(256, ge=2)
    """Jets in a step, of all processes together."""
    learning_rate: float = Field(2e-3, gt=0)
    """Highest learning rate of Adam."""
    warmup: float = Field(0.05, ge=0, lt=1)
    """Share of the training in which the learning rate rises; then it falls as a cosine."""


class NetworkBlock(ClassifierBlock, LearnedBlock):
    """What the blocks of networks share that `training.classifier.Classifier` trains."""

    output: ClassVar[str] = "network score"
    resources: ClassVar[tuple[str, ...]] = ("epochs",)
    joinable: ClassVar[bool] = True
    """Whether trained networks can be parts of others: what that takes is said by
    `models.subnetworks`."""


class ColumnsBlock(NetworkBlock, TabularBlock):
    """What the blocks of networks share that read observables, or columns of tables."""

    missing: dict[str, float] = Field({})
    """Numbers that stand for NaN, by column: NaN is what a detector gave that gave nothing. Without
    a number it is an error; trees take it as it is."""

    def problems(self, at: Place, config: Config) -> Iterable[Problem]:
        """Numbers stand for NaN of features."""
        yield from super().problems(at, config)
        for name in self.missing:
            if name not in self.features:
                yield (at / "missing" / name).unknown("feature", name, self.features)


class TaggerBlock(NetworkBlock):
    """What the blocks of networks share that read the constituents of jets.

    Their input is packed once for all models and families that read the same (`models.packed`).
    """

    packed_by: ClassVar[tuple[str, ...]] = (
        *("collection", "particles", "constituents"),
        "observables",
    )
    """Keys that decide `packing`, besides the mass of `planing`."""

    collection: CollectionName = "constituents"
    """What of a jet is read as its constituents: all of them by falling pT, its `tracks` by falling
    |d0| / error, or its secondary `vertices` by falling distance / error."""
    particles: list[str] = Field(PARTICLES, min_length=1)
    """Features of each constituent, in this order (`boostflow.constituents.collections`)."""
    constituents: int = Field(64, ge=1, le=1000)
    """Constituents of a jet that are read, the first ones."""
    observables: list[str] = Field([])
    """Observables of the jet that are joined before the head, with their logarithms; none by
    default."""
    turned: bool | None = None
    """Whether jets are turned about their axis by a random angle, and half of them mirrored, anew
    in each epoch of the training: a jet has no side, and networks learn it from more jets or from
    this. null: where constituents have no other direction than `eta_rel` and `phi_rel`, so neither
    tracks with impact parameters nor vertices."""

    def turns(self) -> bool:
        """Whether jets are turned in the training."""
        return self._turnable() if self.turned is None else self.turned

    def _turnable(self) -> bool:
        """Whether the features of a constituent have a direction that can be turned."""
        if self.collection != "constituents":
            return False
        known = COLLECTIONS[self.collection].features
        named = [name for name in self.packed_features() if name in known]
        return {name for name in named if known[name].directed} == set(DIRECTION)

    def packed_features(self) -> list[str]:
        """Features of the packed constituents, in order."""
        return self.particles

    def packing(self) -> dict[str, Any]:
        """What decides the packed jets besides the samples: JSON data.

        `layout` are the arguments of `constituents.packing.Layout`; a family may add `neighbours`,
        `momenta`, `order` or `tree` to them.
        """
        layout: dict[str, Any] = {
            "features": self.packed_features(),
            "constituents": self.constituents,
        }
        if self.collection != "constituents":
            layout["collection"] = self.collection
        return {
            "layout": layout,
            "observables": self.observables,
            "mass": None if self.planing is None else self.planing.mass,
        }

    def prepared(self) -> dict[str, Any]:
        """A block that is packed alike: the keys that `packing` is made from."""
        block = self.model_dump(mode="json", include={"kind", *self.packed_by})
        return block | ({} if self.planing is None else {"planing": {"mass": self.planing.mass}})

    def prepared_name(self) -> str:
        """The name of the packed jets, which families with the same packing share."""
        return digest({"packing": self.packing(), "samples": self.reads().samples})

    def reads(self) -> Reads:
        """Constituents, the columns that features are made from, and the observables."""
        found = super().reads()
        one = COLLECTIONS[self.collection]
        read = [one.features[name] for name in self.packed_features() if name in one.features]
        more = [column for feature in read for column in feature.needs]
        if one.may_lack:
            more = [*one.columns, *more]
        columns = dict.fromkeys([*found.columns, *self.observables, *more])
        return found._replace(columns=tuple(columns), constituents=True)

    def problems(self, at: Place, config: Config) -> Iterable[Problem]:
        """Features and observables exist, each listed once."""
        yield from super().problems(at, config)
        if self.turned and not self._turnable():
            yield (at / "turned").problem(
                f"jets are turned by {' and '.join(DIRECTION)} of their constituents: particles"
                " need both, and no other feature that has a direction"
            )
        for key, what, known in (
            (
                "particles",
                "feature of a particle"
                if self.collection == "constituents"
                else f"feature of {self.collection}",
                list(COLLECTIONS[self.collection].features),
            ),
            ("observables", "observable", known_features()),
        ):
            listed = getattr(self, key)
            if self.collection != "constituents" and key not in self.model_fields_set | {
                "observables"
            }:
                yield (at / key).problem(
                    f"those of all constituents are the default; name the features of"
                    f" {self.collection}: {', '.join(known)}"
                )
                continue
            for name in listed:
                if name not in known:
                    yield (at / key).unknown(what, name, known)
            if len(set(listed)) < len(listed):
                yield (at / key).problem("a name is listed twice")
