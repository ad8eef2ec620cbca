"""The configuration of the trees."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from boostflow.config.problems import Place, Problem
from boostflow.models.family import Reads, Score
from boostflow.models.following import Ranked, named_causes
from boostflow.models.trees import Trees

if TYPE_CHECKING:
    from boostflow.config.config import Config


class BDT(Trees):
    """Gradient-boosted trees (XGBoost), multiclass."""

    output: ClassVar[str] = "BDT score"

    kind: Literal["bdt"] = "bdt"
    ranked: Ranked | None = None
    """The trees are told the largest distances of the features from moving averages; null: the
    features themselves."""

    def reads(self) -> Reads:
        """Features, and what says the order of the rows."""
        found = super().reads()
        more = () if self.ranked is None else (self.ranked.time,)
        return found._replace(columns=tuple(dict.fromkeys([*found.columns, *more])))

    def together(self) -> bool:
        """Averages move with the rows of all samples."""
        return self.ranked is not None

    def scores(self, classes: Sequence[str]) -> list[Score]:
        """Probabilities, and the features with the largest distances."""
        causes = 0 if self.ranked is None else self.ranked.causes
        return [*super().scores(classes), *named_causes(causes)]

    def problems(self, at: Place, config: Config) -> Iterable[Problem]:
        """What says the order is there, and so are as many features as are told and named."""
        yield from super().problems(at, config)
        if self.ranked is None:
            return
        here = at / "ranked"
        yield from self.ranked.problems(here, config)
        for key in ("largest", "causes"):
            if (wanted := getattr(self.ranked, key)) > len(self.features):
                yield (here / key).problem(f"is {wanted}, there are {len(self.features)} features")
        if self.search is not None:
            yield here.problem("scores depend on rows of other samples: leave out `search`")
