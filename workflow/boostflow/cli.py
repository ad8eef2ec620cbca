"""What every script in workflow/scripts shares: arguments, logging, and how errors end."""

from __future__ import annotations

import argparse
import errno
import json
import logging
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from boostflow.errors import BoostflowError, is_full

Model = TypeVar("Model", bound=BaseModel)


def json_argument(text: str) -> object:
    """Parse an argument that is JSON itself or `@file` with JSON (or YAML) in it.

    Raises:
        argparse.ArgumentTypeError: neither JSON nor a readable file.
    """
    if text.startswith("@"):
        import yaml

        try:
            content = Path(text[1:]).read_text()
            # YAML takes JSON as well, a hundred times slower.
            return json.loads(content) if text.endswith(".json") else yaml.safe_load(content)
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise argparse.ArgumentTypeError(f"{text[1:]}: {error}") from None
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise argparse.ArgumentTypeError(f"not JSON ({error}): {text[:80]}") from None


def parse_config(model: type[Model], data: object) -> Model:
    """Validate a slice of the configuration that came in as JSON.

    Raises:
        BoostflowError: with every problem, each with the path of its key.
    """
    from boostflow.config.load import describe

    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise BoostflowError("\n".join(describe(error, model))) from None


def run(
    main: Callable[[argparse.Namespace], None],
    arguments: Callable[[argparse.ArgumentParser], None],
    description: str | None,
) -> None:
    """Parse the command line, run `main`, and turn `BoostflowError` into one message and exit 1."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments(parser)
    args = parser.parse_args()
    # Schedulers end jobs with SIGTERM: unwind, so that temporary files are removed.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(name)s: %(message)s"
    )
    try:
        main(args)
    except BoostflowError as error:
        print(f"{Path(sys.argv[0]).name}: error: {error}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        # A full disk, a folder that cannot be written: nothing that a traceback explains.
        if error.filename is None and not is_full(error):
            raise
        where = f"{error.filename}: " if error.filename else ""
        advice = ": free some, then run the same command again"
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            advice = ""
        print(
            f"{Path(sys.argv[0]).name}: error: {where}{os.strerror(error.errno)}{advice}",
            file=sys.stderr,
        )
        sys.exit(1)
