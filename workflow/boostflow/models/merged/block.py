"""The configuration of merged networks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from boostflow.config.base import Name
from boostflow.config.problems import Place, Problem
from boostflow.models.family import Reads
from boostflow.models.networks import NetworkBlock, Widths

if TYPE_CHECKING:
    from boostflow.config.config import Config


class Merged(NetworkBlock):
    """Trained networks, joined before their last layer by dense layers."""

    kind: Literal["merged"] = "merged"
    models: list[Name] = Field(min_length=1)
    """Models that are joined, at least two: networks on constituents or on observables, or merged
    ones."""
    head: Widths = Field([64], max_length=10)
    """Widths of the dense layers between the parts and the classes."""
    dropout: float = Field(0.1, ge=0, lt=1)
    """Part of the outputs of each layer of the head that is left out in each step."""
    epochs: int = Field(12, ge=1)
    """Most epochs of the training, in all."""
    frozen_epochs: int = Field(4, ge=0)
    """First epochs, in which the head alone learns; in the others the parts are tuned with it."""
    tuned_rate: float = Field(3e-4, gt=0)
    """Highest learning rate of the other epochs; of the first ones `learning_rate`."""
    joint: bool = False
    """The same network with new weights of all parts, trained jointly with `learning_rate`
    throughout: what a merged one is to be compared with."""
    batch: int = Field(128, ge=2)
    """Jets in a step, of all processes together."""

    def frozen(self) -> int:
        """Epochs in which the parts stay as they are."""
        return 0 if self.joint else self.frozen_epochs

    def reads(self) -> Reads:
        """The models that are joined; what these read is theirs to say."""
        return super().reads()._replace(models=tuple(self.models))

    def problems(self, at: Place, config: Config) -> Iterable[Problem]:
        """Parts are networks that are trained on the same samples."""
        yield from super().problems(at, config)
        here = at / "models"
        if len(set(self.models)) < len(self.models):
            twice = next(name for name in self.models if self.models.count(name) > 1)
            yield here.problem(f"{twice} is listed twice: a model can be a part once")
        elif len(self.models) < 2:
            yield here.problem(
                f"{self.models[0]} alone is nothing to merge: name two models or more"
            )
        mine = config.trained_on(self)
        for name in dict.fromkeys(self.models):
            part = config.models.get(name)
            if part is None or part is self:
                continue
            if not (isinstance(part, NetworkBlock) and part.joinable):
                known = [
                    other
                    for other, block in config.models.items()
                    if isinstance(block, NetworkBlock) and block.joinable and block is not self
                ]
                yield here.problem(
                    f"{name} (kind {part.kind}) is no network that can be joined; known: "
                    + (", ".join(known) or "none")
                )
            elif config.trained_on(part) != mine:
                yield here.problem(
                    f"{name} is trained on other samples ({', '.join(config.trained_on(part))})"
                    f" than this model ({', '.join(mine)}): all parts need the same, in one order"
                )
        if self.frozen() > self.epochs:
            yield (at / "frozen_epochs").problem(
                f"{self.frozen_epochs} are more than all epochs, {self.epochs}"
            )
