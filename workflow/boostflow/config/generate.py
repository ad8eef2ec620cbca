"""Writes config/config.yaml and config/schema.json from the typed models (`make config`)."""

from __future__ import annotations

import argparse
import json
import textwrap
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from boostflow.config.config import Config
from boostflow.config.descriptions import descriptions
from boostflow.io import atomic

HEADER = """\
# The default analysis, with every key and its default.
# Generated from the types in workflow/boostflow/config by `make config`: change the defaults there.
# A config of your own needs only the keys that differ: snakemake --configfile mine.yaml
"""


def schema() -> str:
    """The JSON schema, for editors that complete and check YAML."""
    return json.dumps(Config.model_json_schema(), indent=2) + "\n"


def default_yaml() -> str:
    """The default configuration as commented YAML."""
    return HEADER + "# yaml-language-server: $schema=schema.json\n" + _block(Config(), 0)


def _block(block: BaseModel, depth: int) -> str:
    lines = []
    texts = descriptions(type(block))
    for name, field in type(block).model_fields.items():
        if text := " ".join(texts.get(name, "").split()):
            lines += textwrap.wrap(
                text, 96 - 2 * depth, initial_indent="# ", subsequent_indent="# "
            )
        lines.append(_entry(field.alias or name, getattr(block, name), depth))
    return "\n".join(textwrap.indent(line, "  " * depth) for line in lines) + "\n"


def _entry(name: str, value: Any, depth: int) -> str:
    if isinstance(value, BaseModel):
        body = _block(value, 0)
        return f"{name}:\n" + textwrap.indent(body.rstrip("\n"), "  ")
    if isinstance(value, dict) and value and isinstance(next(iter(value.values())), BaseModel):
        parts = [f"{name}:"]
        seen: set[type] = set()
        for key, block in value.items():
            # Each type is documented once; its further members are written without comments.
            body = _plain(block) if type(block) in seen else _block(block, 0)
            seen.add(type(block))
            parts.append(
                textwrap.indent(f"{key}:\n" + textwrap.indent(body.rstrip("\n"), "  "), "  ")
            )
        return "\n".join(parts)
    return f"{name}: {_scalar(value)}"


def _plain(block: BaseModel) -> str:
    return "".join(
        _entry(field.alias or name, getattr(block, name), 0) + "\n"
        for name, field in type(block).model_fields.items()
    )


def _scalar(value: Any) -> str:
    text = yaml.safe_dump(
        json.loads(json.dumps(value)), default_flow_style=True, width=10_000, sort_keys=False
    )
    return text.removesuffix("...\n").strip()


def main(folder: Path) -> None:
    """Write both files into `folder`."""
    for name, text in (("config.yaml", default_yaml()), ("schema.json", schema())):
        with atomic(folder / name) as part:
            part.write_text(text, encoding="utf-8")


def _existing(name: str) -> Path:
    folder = Path(name)
    if not folder.is_dir():
        raise argparse.ArgumentTypeError(f"{name} is no folder")
    return folder


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="boostflow.config.generate", description=__doc__)
    parser.add_argument("folder", type=_existing, help="where both files are written, `config`")
    main(parser.parse_args().folder)
