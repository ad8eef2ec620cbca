"""Checks of the models, beside those that each family makes of its own block."""

from __future__ import annotations

from collections.abc import Iterator

from boostflow.config.config import Config
from boostflow.config.problems import Place, Problem, suggest
from boostflow.models.family import TASK_PLOTS, Task


def check(config: Config, at: Place) -> Iterator[Problem]:
    """Each model agrees with the rest of the configuration, and has classes to tell apart."""
    labels, events = config.labels(), config.event_models()
    for name, model in config.models.items():
        here = at / "models" / name
        yield from model.problems(here, config)
        yield from _made_from(name, config, here)
        task, unit = model.task(), model.scored_unit()
        if (task, unit) not in TASK_PLOTS:
            can = ", ".join(sorted({f"{known} {scored}s" for known, scored in TASK_PLOTS}))
            yield here.problem(
                f"is to {task} {unit}s, which nothing judges yet: families may {can}"
            )
        learns = task in (Task.CLASSIFY, Task.CLUSTER)
        if learns and len(labels) < 2 and name not in events:
            yield here.problem(
                "needs samples of at least two classes; the labels of `samples` are"
                f" {', '.join(labels) or 'none'} (`models: {{}}` switches the models off)"
            )


def _made_from(name: str, config: Config, here: Place) -> Iterator[Problem]:
    """The models that a model is made from exist, and it is none of them."""
    seen: set[str] = set()
    waiting: list[tuple[str, list[str]]] = [(m, []) for m in config.models[name].reads().models]
    while waiting:
        other, by = waiting.pop(0)
        if other == name:
            way = f", by way of {', '.join(by)}" if by else ""
            yield here.problem(f"is made from itself{way}: name other models")
            return
        if other not in config.models:
            hint = suggest(other, [model for model in config.models if model != name])
            yield here.problem(f"is made from an unknown model {other!r}{hint}")
        elif other not in seen:
            seen.add(other)
            waiting += [(m, [*by, other]) for m in config.models[other].reads().models]
