"""A benchmark as a command: arguments, and errors in one message."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable

from boostflow.errors import BoostflowError


def run(
    main: Callable[[argparse.Namespace], None],
    arguments: Callable[[argparse.ArgumentParser], None],
    description: str | None,
) -> None:
    """Parse the command line and run a benchmark; a `BoostflowError` ends it with exit code 1.

    Args:
        main: the benchmark.
        arguments: declares its arguments.
        description: for `--help`.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments(parser)
    args = parser.parse_args()
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(name)s: %(message)s"
    )
    try:
        main(args)
    except BoostflowError as error:
        sys.exit(f"error: {error}")
