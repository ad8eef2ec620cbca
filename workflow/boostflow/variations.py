"""The variation engine: it says which variation's file a stage needs.

A systematic of a kind enters the chain at one stage (`ENTRY`). A file is touched by a variation if
the variation enters at its stage or at one that it is made from; a file that is not touched *is*
the nominal file. So adding a variation schedules the jobs that it needs and no other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from boostflow.config.samples import Made, has_charges, is_data
from boostflow.config.systematics import (
    AnySystematic,
    Constituent,
    ModelVariation,
    SampleVariation,
)

if TYPE_CHECKING:
    from boostflow.config.config import Config

NOMINAL = "nominal"

Stage = Literal["simulate", "ingest", "select", "train", "score", "templates", "infer"]

ENTRY: dict[str, Stage] = {
    "sample": "simulate",
    "constituent": "ingest",
    "shift": "select",
    "compression": "select",
    "model": "train",
    "weight": "templates",
    "rate": "infer",
}


def entry(declared: AnySystematic) -> Stage:
    """The stage at which a systematic enters; other regions need no other training."""
    if isinstance(declared, ModelVariation) and declared.instead:
        return "templates"
    return ENTRY[declared.kind]


UPSTREAM: dict[Stage, tuple[Stage, ...]] = {
    "simulate": (),
    "ingest": ("simulate",),
    "select": ("ingest",),
    # On nominal jets: only a variation of the model, or of one that it is made from, touches it.
    "train": (),
    "score": ("select", "train"),
    "templates": ("score", "select"),
    "infer": ("templates",),
}


@dataclass(frozen=True)
class Variation:
    """One direction of one systematic: a side or a numbered member."""

    systematic: str
    direction: str
    """`up`, `down`, or `m0`, `m1`... of an envelope, replicas or a Hessian set."""
    declared: AnySystematic

    @property
    def name(self) -> str:
        """Name of the variation, as in paths: `jes_up`."""
        return f"{self.systematic}_{self.direction}"

    @property
    def change(self) -> Any:
        """What this direction changes, as declared."""
        return self.declared.members()[self.direction]


class Variations:
    """All variations of an analysis, and where each one's files are."""

    def __init__(self, config: Config, systematics: Mapping[str, AnySystematic]) -> None:
        self.config = config
        self.systematics = dict(systematics)
        self.by_name: dict[str, Variation] = {}
        for name, declared in systematics.items():
            for direction in declared.members():
                variation = Variation(name, direction, declared)
                self.by_name[variation.name] = variation

    def names(self) -> list[str]:
        """All variations but nominal, in the order of their declaration."""
        return list(self.by_name)

    def with_templates(self) -> list[str]:
        """Nominal and every variation in the fit that has templates of its own.

        A variation of a model that no region reads, or of samples that are not in the analysis,
        touches nothing and is left out.
        """
        touched = (name for name in self.by_name if self._touched("templates", name))
        return [NOMINAL, *(name for name in touched if not self._is_crosscheck(name))]

    def crosschecks(self) -> dict[str, str]:
        """Variations with templates that are compared and not fitted, by systematic."""
        return {
            varied.systematic: name
            for name, varied in self.by_name.items()
            if self._is_crosscheck(name)
        }

    def entries(self) -> dict[str, list[str]]:
        """Variations with templates by systematic, cross-checks among them."""
        result: dict[str, list[str]] = {}
        for name in [*self.with_templates()[1:], *self.crosschecks().values()]:
            result.setdefault(self.by_name[name].systematic, []).append(name)
        return result

    def _is_crosscheck(self, variation: str) -> bool:
        return getattr(self.by_name[variation].declared, "use", "fit") == "crosscheck"

    def evaluated(self, model: str) -> list[str]:
        """The variations that have templates and vary the scores of a model, or weights.

        Their files are made for the fit anyway. None for a model that no region reads.
        """
        if model not in {region.model for region in self.config.templates.regions.values()}:
            return []
        return [
            name
            for name in self.with_templates()[1:]
            if self.by_name[name].declared.kind == "weight"
            or self._touched("score", name, model=model)
        ]

    def made_of(self, model: str) -> set[str]:
        """A model and all models that it is made from, directly or through others.

        A variation of any of these trains the model anew.
        """
        found: set[str] = set()
        waiting = [model]
        while waiting:
            name = waiting.pop()
            if name not in found and name in self.config.models:
                found.add(name)
                waiting += self.config.models[name].reads().models
        return found

    def resolve(
        self, stage: Stage, variation: str, *, sample: str | None = None, model: str | None = None
    ) -> str:
        """The variation whose file `stage` uses under `variation`: itself, or `nominal`.

        Args:
            stage: the stage that makes the file.
            variation: `nominal` or a declared variation.
            sample: for files made per sample (simulate, ingest, select).
            model: for files made per model (train, score).

        Raises:
            KeyError: the variation is not declared.
        """
        if variation == NOMINAL:
            return NOMINAL
        return variation if self._touched(stage, variation, sample, model) else NOMINAL

    def _touched(
        self, stage: Stage, variation: str, sample: str | None = None, model: str | None = None
    ) -> bool:
        declared = self.by_name[variation].declared
        if entry(declared) == stage:
            if isinstance(declared, ModelVariation):
                if declared.instead:
                    return True
                read = {region.model for region in self.config.templates.regions.values()}
                models = read if model is None else {model}
                return any(declared.model in self.made_of(name) for name in models)
            return any(self._applies(declared, s) for s in [sample] if s) or (
                sample is None and any(self._applies(declared, s) for s in self.config.samples)
            )
        return any(self._touched(up, variation, sample, model) for up in UPSTREAM[stage])

    def _applies(self, declared: AnySystematic, sample: str) -> bool:
        if declared.samples is not None and sample not in declared.samples:
            return False
        settings = self.config.samples[sample]
        if isinstance(declared, SampleVariation) and not isinstance(settings, Made):
            return False
        if isinstance(declared, Constituent) and not has_charges(settings):
            return False
        return not is_data(settings)
