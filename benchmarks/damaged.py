"""Mutations of input files of every kind: what is refused, read, or worse; time and memory of each.

make bench-damaged BENCH="--number 1000"
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.damage import KINDS, outcomes, preload, table


def main() -> None:
    """Print each that is wrong, and a table of all; exit code 1 if any is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=1000, help="mutations")
    parser.add_argument("--first", type=int, default=0, help="number of the first one")
    parser.add_argument("--seed", type=int, default=1, help="another one makes others")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--keep", type=Path, help="folder for the files of those that are wrong")
    parser.add_argument("--show", action="store_true", help="print what is said of each")
    args = parser.parse_args()
    preload()
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        where = args.keep or Path(folder)
        found = []
        numbers = range(args.first, args.first + args.number)
        for one in outcomes(where, numbers, args.kinds, args.seed):
            found.append(one)
            if not one.good:
                print(f"{one.kind} {one.number} ({one.way} of {one.file}): {one.state}: {one.text}")
                sys.stdout.flush()
    if args.show:
        for one in found:
            print(f"{one.kind} {one.number} ({one.way} of {one.file}): {one.state}: {one.text}")
    others = [f"{one.kind} {one.number} ({one.way})" for one in found if one.state == "other"]
    print(table(found))
    print("read with other values:", ", ".join(others) or "none")
    print(f"{time.monotonic() - start:.0f} s")
    sys.exit(any(not one.good for one in found))


if __name__ == "__main__":
    main()
