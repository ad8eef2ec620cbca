"""The configuration of probabilities by Bayes' theorem."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from boostflow.config.base import Name
from boostflow.models.deviations import DeviationsBlock


class Bayes(DeviationsBlock):
    """Likelihoods of detectors, multiplied, with priors: what is known without a training.

    The likelihood of a class is the product over its deviations n of exp(-n^2 / 2).
    """

    output: ClassVar[str] = "probability"

    kind: Literal["bayes"] = "bayes"
    mismatch: float = Field(0.0, ge=0, lt=1)
    """Part of the values that may be anything between -100 and 100: a hit of another particle.
    Without it one such value excludes a class."""
    priors: dict[Name, Annotated[float, Field(gt=0)]] = {}
    """Expected shares of the classes; empty: equal ones, as trainings of all other families have
    them."""

    @model_validator(mode="after")
    def has_a_prior_of_each_class(self) -> Bayes:
        """Priors are those of the classes, or there are none."""
        if self.priors and self.priors.keys() != self.deviations.keys():
            raise ValueError(f"priors: must be those of {', '.join(self.deviations)}")
        return self
