"""Check all input files before anything runs: metadata alone, one line a file, all problems."""

import argparse
from pathlib import Path

from boostflow.cli import json_argument, run


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument(
        "--configfile", type=Path, nargs="+", default=[], help="as for snakemake (YAML)"
    )
    parser.add_argument(
        "--config", type=json_argument, help="instead: the configuration as JSON, or @file"
    )
    parser.add_argument(
        "--needs", type=json_argument, default={}, help="of the analysis by sample, beside --config"
    )
    parser.add_argument("--output", type=Path, help="JSON file to write")
    parser.add_argument("--table", type=Path, help="text file to write")
    parser.add_argument(
        "--checked", type=Path, nargs="*", default=[], help="JSON file to write: of new files alone"
    )


def main(args: argparse.Namespace) -> None:
    """Run the stage."""
    from boostflow.cli import parse_config
    from boostflow.config.config import Config
    from boostflow.config.files import expand
    from boostflow.config.load import load
    from boostflow.config.needs import Needs, needs
    from boostflow.config.samples import FileSample
    from boostflow.config.yamlfile import read_configs
    from boostflow.errors import BoostflowError

    if args.config is not None:
        config = parse_config(Config, args.config)
        needed = {name: parse_config(Needs, block) for name, block in args.needs.items()}
    else:
        names = " + ".join(map(str, args.configfile)) or "config"
        config, systematics = load(read_configs(args.configfile), Path(__file__).parents[2], names)
        needed = needs(config, systematics)
    samples = {n: block for n, block in config.samples.items() if isinstance(block, FileSample)}
    if not samples:
        print("no input files: all samples are simulated")
        return
    # What types cannot say of a configuration that came as JSON.
    faults = [f"samples.{n}.files: {text}" for n, b in samples.items() for text in expand(b)[1]]
    if faults:
        raise BoostflowError("\n".join(faults))
    from boostflow.ingest.check import check, write

    report = check(samples, config.ingest, config.simulation.jet_radius, needed)
    print(report.table())
    if report.problems:
        number = len(report.problems)
        what = "1 problem" if number == 1 else f"{number} problems"
        raise BoostflowError("\n".join([f"{what} with the input files:", *report.problems]))
    if args.output is not None:
        write(report, args.output, args.table, args.checked)


if __name__ == "__main__":
    run(main, arguments, __doc__)
