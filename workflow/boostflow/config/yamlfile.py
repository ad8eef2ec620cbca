"""Reading YAML: files of the configuration, with what is wrong with them in words."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from boostflow.config.problems import Place, Problem
from boostflow.errors import BoostflowError

TWICE = "is declared more than once"
"""What is said of a key that a mapping has twice."""


def read_yaml(path: Path) -> tuple[Any, list[Problem]]:
    """What a YAML file says, and why that cannot be used."""
    import yaml

    at = Place(str(path))
    try:
        loader = yaml.SafeLoader(path.read_text("utf-8"))
        node = loader.get_single_node()
        # YAML readers keep the last of two keys of one name, silently. Looked at before `<<` is
        # resolved, whose keys may be overridden.
        twice = _repeated(node)
        raw = None if node is None or twice else loader.construct_document(node)
    except FileNotFoundError:
        return None, [at.problem("no such file")]
    except IsADirectoryError:
        return None, [at.problem("is a folder, not a file")]
    except UnicodeDecodeError as error:
        return None, [at.problem(f"not readable as YAML: is not UTF-8 (byte {error.start})")]
    except RecursionError:
        return None, [at.problem("not readable as YAML: is nested too deeply")]
    # Dates that are none are a ValueError.
    except (OSError, ValueError, yaml.YAMLError) as error:
        return None, [at.problem(f"not readable as YAML: {' '.join(str(error).split())}")]
    return raw, [(at / name).problem(TWICE) for name in twice]


def read_configs(paths: Iterable[Path]) -> dict[str, Any]:
    """Read configuration files as snakemake does: keys of later ones win, block by block.

    Raises:
        BoostflowError: one of them is not readable, is not YAML, has no keys, or has one twice.
    """
    from snakemake.utils import update_config

    result: dict[str, Any] = {}
    for path in paths:
        raw, problems = read_yaml(path)
        if not problems and not isinstance(raw, dict):
            what = "nothing in it" if raw is None else "no keys at its top level"
            problems = [Place(str(path)).problem(f"has {what}")]
        if problems:
            raise BoostflowError("\n".join(map(str, problems)))
        try:
            update_config(result, raw)
        except RecursionError:
            raise BoostflowError(f"{path}: an anchor holds itself") from None
    return result


def repeated_keys(paths: Iterable[Path]) -> list[Problem]:
    """Keys that configuration files have twice; nothing is said of files that are not YAML.

    YAML readers keep the last of two keys of one name, silently.
    """
    return [problem for path in paths for problem in read_yaml(path)[1] if problem.text == TWICE]


def _repeated(node: Any, path: tuple[str, ...] = (), above: tuple[int, ...] = ()) -> list[str]:
    """Keys that a mapping of a YAML document, or one inside it, has more than once."""
    import yaml

    if id(node) in above:  # an anchor that holds itself
        return []
    above = (*above, id(node))
    if isinstance(node, yaml.SequenceNode):
        return [name for child in node.value for name in _repeated(child, path, above)]
    if not isinstance(node, yaml.MappingNode):
        return []
    names = [str(key.value) for key, _ in node.value]
    found = [".".join((*path, name)) for name in sorted(set(names)) if names.count(name) > 1]
    for name, (_, child) in zip(names, node.value, strict=True):
        found += _repeated(child, (*path, name), above)
    return found
