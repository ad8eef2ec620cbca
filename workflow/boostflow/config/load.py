"""Loading: what the user wrote becomes a checked configuration.

Every problem is told at once, with its key.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from boostflow.config import checks
from boostflow.config.base import Name
from boostflow.config.config import Config
from boostflow.config.files import find
from boostflow.config.messages import describe
from boostflow.config.problems import Place, Problem
from boostflow.config.systematics import SYSTEMATICS, AnySystematic
from boostflow.config.yamlfile import read_yaml, repeated_keys
from boostflow.errors import BoostflowError


def load(
    raw: dict[str, Any],
    root: Path,
    origin: str = "config",
    *,
    files: Iterable[Path] = (),
    in_job: bool = False,
) -> tuple[Config, dict[str, AnySystematic]]:
    """Check a configuration and the systematics file that it names.

    Args:
        raw: what the YAML files and `--config` gave.
        root: folder of the repository; relative files of the project are looked for in the working
            directory first and here second.
        origin: name of the config file, for messages.
        files: the YAML files, to look for keys that stand there twice.
        in_job: a job of a run that has checked these and the files that it opens already: reading
            them takes up to a second, and each job loads the configuration again.

    Returns:
        The configuration and the systematics by name, those with `enabled: false` left out.

    Raises:
        BoostflowError: lists every problem, one a line: file, key, what is wrong, what is right.
    """
    at = Place(origin)
    problems = [] if in_job else repeated_keys(files)
    try:
        config = Config.model_validate(raw)
    except ValidationError as error:
        raise _refused([*problems, *describe(error, Config, at)]) from None
    if problems:
        raise _refused(problems)
    systematics: dict[str, AnySystematic] = {}
    complete, path = True, None
    if config.systematics is not None:
        path = find(config.systematics, root)
        if path is None:
            missing = f"no such file: {config.systematics}"
            problems.append((at / "systematics").problem(missing))
        else:
            found, problems = _read_systematics(path)
            complete = not problems
            systematics = {name: block for name, block in found.items() if block.enabled}
    declared_at = Place(str(path or ""))
    problems += checks.systematics.check(config, systematics, declared_at)
    problems += checks.of_config(config, at)
    if complete:
        problems += checks.background.varied_composition(config, systematics, at)
    if not in_job:
        problems += checks.of_files(config, systematics, root, at, declared_at)
    if problems:
        raise _refused(problems)
    return config, systematics


def with_prefix(raw: dict[str, Any], prefix: str) -> dict[str, Any]:
    """A configuration with another output folder: a relative one gets a prefix.

    Args:
        raw: what the YAML files and `--config` gave.
        prefix: of a Snakefile that uses boostflow as a module, with a `/` at its end.
    """
    output = raw.get("output", Config.model_fields["output"].default)
    if not isinstance(output, str) or output.startswith(("/", "~", "$")):
        return raw
    return {**raw, "output": f"{prefix}{output}"}


def declared(config: Config, root: Path) -> dict[str, AnySystematic]:
    """All entries of the systematics file of a checked configuration, also those not enabled."""
    path = config.systematics and find(config.systematics, root)
    return _read_systematics(path)[0] if path else {}


def _refused(problems: list[Problem]) -> BoostflowError:
    return BoostflowError("\n".join(map(str, problems)))


def _read_systematics(path: Path) -> tuple[dict[str, AnySystematic], list[Problem]]:
    """The entries of a systematics file whose types are right, and what is wrong with the rest."""
    raw, problems = read_yaml(path)
    if problems:
        return {}, problems
    try:
        return SYSTEMATICS.validate_python(raw or {}), []
    except ValidationError as error:
        found = describe(error, dict[Name, AnySystematic], Place(str(path)))
        return _valid_entries(raw), found


def _valid_entries(raw: Any) -> dict[str, AnySystematic]:
    """Those entries whose types are right, so that what else is wrong with them is said, too."""
    result: dict[str, AnySystematic] = {}
    for name, block in raw.items() if isinstance(raw, dict) else ():
        with contextlib.suppress(ValidationError):
            result |= SYSTEMATICS.validate_python({name: block})
    return result
