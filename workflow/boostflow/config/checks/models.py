"""Checks of the models, beside those that each family makes of its own block."""

from __future__ import annotations

from collections.abc import Iterator

from boostflow.config.config import Config
from boostflow.config.problems import Place, Problem


def check(config: Config, at: Place) -> Iterator[Problem]:
    """Each model agrees with the rest of the configuration, and has classes to tell apart."""
    labels, events = config.labels(), config.event_models()
    for name, model in config.models.items():
        here = at / "models" / name
        yield from model.problems(here, config)
        if len(labels) < 2 and name not in events:
            yield here.problem(
                "needs samples of at least two classes; the labels of `samples` are"
                f" {', '.join(labels) or 'none'} (`models: {{}}` switches the models off)"
            )
