"""The command `boostflow`: a stage with its job, or what users ask of an analysis.

    boostflow select JOB.json --parts ... --table ... --cutflow ...
    boostflow check --configfile mine.yaml

The stages, their settings and their files are those of `boostflow.jobs`; nothing describes them a
second time here.
"""

from __future__ import annotations

import argparse
import errno
import importlib
import inspect
import json
import logging
import os
import shlex
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from boostflow import alone
from boostflow.config.descriptions import descriptions
from boostflow.errors import BoostflowError, is_full
from boostflow.jobs.base import Job
from boostflow.jobs.registry import JOBS, job_of
from boostflow.terminal import bear_any

Model = TypeVar("Model", bound=BaseModel)


def main(arguments: list[str] | None = None) -> None:
    """Run one command; a problem that a user can mend ends in one message and exit code 1.

    Args:
        arguments: of the command line; None for those of the process.
    """
    bear_any()
    # What stages there are is asked within, too: a family of models may be at fault.
    _told(lambda: _run(arguments))


def command() -> None:
    """Run the command of the process, which ends with it: see `main`."""
    main()
    alone.leave()


def _told(action: Callable[[], None]) -> None:
    """Do something; what a user can mend is a message and exit code 1."""
    try:
        action()
    except BoostflowError as error:
        _end(str(error))
    except OSError as error:
        # A full disk, a folder that cannot be written: nothing that a traceback explains.
        if error.filename is None and not is_full(error):
            raise
        where = f"{error.filename}: " if error.filename else ""
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        advice = ": free some, then run the same command again" if full else ""
        _end(f"{where}{os.strerror(error.errno or 0)}{advice}")


def _run(arguments: list[str] | None) -> None:
    given = sys.argv[1:] if arguments is None else arguments
    args = _parser(given[:1], explained=bool({"-h", "--help"} & set(given))).parse_args(given)
    # Schedulers end jobs with SIGTERM: unwind, so that temporary files are removed.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(name)s: %(message)s"
    )
    # Not where tests or notebooks call: they have threads, which a fork would lose.
    args.guarded = arguments is None
    if arguments is None:
        alone.declare()
    args.run(args)


def _guarded(guarded: bool, action: Callable[[], None]) -> signal.Signals | None:
    """Do something, in a process of its own if so wanted; the signal of a fault that ended it."""
    if not guarded:
        action()
        return None
    from boostflow.guard import survived

    return survived(lambda: _told(action))


def _parser(asked: list[str], explained: bool) -> argparse.ArgumentParser:
    """The command line as far as it is asked for.

    Each job starts with this: the classes of other stages' jobs take longer to import than many a
    job to run, and so does reading the sentences about keys.

    Args:
        asked: the first word that the user gave, if any.
        explained: whether keys and files have their sentences, for somebody who asks for help.
    """
    parser = argparse.ArgumentParser(
        prog="boostflow", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    known = [*COMMANDS, *JOBS]
    for name in asked if asked and asked[0] in known else known:
        if name in COMMANDS:
            add, run, text = COMMANDS[name]
            command = commands.add_parser(name, help=text, description=text)
            add(command)
            command.set_defaults(run=run)
        else:
            _add_stage(commands, name, explained)
    return parser


def _end(message: str) -> None:
    print(f"boostflow: error: {message}", file=sys.stderr)
    sys.exit(1)


# --- stages ---------------------------------------------------------------------------------------


def _add_stage(commands: argparse._SubParsersAction, name: str, explained: bool) -> None:
    """Declare the command of a stage by the class of its job."""
    job = job_of(name)
    text = inspect.getdoc(job) or ""
    keys = f"\n\nThe keys of JOB:\n{_keys(job)}" if explained else ""
    command = commands.add_parser(
        name,
        help=text.replace("%", "%%"),
        description=f"{text}{keys}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _files(command, job, descriptions(job.Files) if explained else {})
    command.set_defaults(run=_stage(job))


def _keys(job: type[Job]) -> str:
    lines, texts = [], descriptions(job)
    for name, field in job.model_fields.items():
        text = " ".join(texts.get(name, "").split())
        default = "" if field.is_required() else " (has a default)"
        lines.append(f"  {name}: {text}{default}")
    return "\n".join(lines) or "  none"


def _files(command: argparse.ArgumentParser, job: type[Job], texts: Mapping[str, str]) -> None:
    command.add_argument("job", metavar="JOB", help="its settings: a JSON or YAML file, or JSON")
    for name, field in job.Files.model_fields.items():
        many, optional = job.Files.many(name), job.Files.optional(name)
        command.add_argument(
            f"--{name.replace('_', '-')}",
            dest=f"file_{name}",
            metavar="FILE",
            nargs="*" if many else "?" if optional else None,
            required=field.is_required() and not many,
            default=[] if many else None,
            help=" ".join(texts.get(name, "").split()).replace("%", "%%"),
        )


def _stage(job: type[Job]) -> Callable[[argparse.Namespace], None]:
    def run(args: argparse.Namespace) -> None:
        settings = read(job, args.job)
        given = {name: getattr(args, f"file_{name}") for name in job.Files.model_fields}
        files = job.Files(**given)
        guarded = args.guarded and job.crashed is not None
        fault = _guarded(guarded, lambda: _function(job.runs)(settings, files))
        if fault is not None and job.crashed is not None:
            _function(job.crashed)(settings, files, fault)

    return run


def _function(name: str) -> Callable[..., None]:
    """A function by `package.module:function`."""
    module, _, function = name.partition(":")
    found: Callable[..., None] = getattr(importlib.import_module(module), function)
    return found


def read(job: type[Model], text: str) -> Model:
    """The settings of a job.

    Args:
        job: its class.
        text: JSON itself, or the path of a file of JSON or YAML.

    Raises:
        BoostflowError: it cannot be read, or says something else; with every problem and its key.
    """
    where = "JOB"
    try:
        if text.lstrip().startswith("{"):
            data = json.loads(text)
        else:
            where = text
            data = _content(Path(text))
        if not isinstance(data, dict):
            raise BoostflowError(f"{where}: must be keys and values, `key: value` or {{...}}")
        return job.model_validate(data)
    except ValidationError as error:
        from boostflow.config.messages import describe

        problems = describe(error, job)
        raise BoostflowError("\n".join(f"{where}: {problem}" for problem in problems)) from None
    except OSError as error:
        raise BoostflowError(f"{where}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        message = " ".join(str(error).split())
        raise BoostflowError(f"{where}: is neither JSON nor YAML: {message}") from None


def _content(path: Path) -> Any:
    """What a file of JSON or YAML holds.

    Raises:
        OSError: it cannot be read.
        ValueError: it is neither.
    """
    content = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        return json.loads(content)
    # JSON is YAML, too, but takes a hundred times longer so.
    import yaml

    try:
        return yaml.safe_load(content)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None


# --- what users ask -------------------------------------------------------------------------------

SNAKEFILE = Path(__file__).parents[1] / "Snakefile"


def _configfiles(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--configfile", type=Path, nargs="+", default=[], help="as for snakemake (YAML)"
    )


def _check(args: argparse.Namespace) -> None:
    def job() -> Any:
        from boostflow.analysis import Analysis
        from boostflow.config.load import load
        from boostflow.config.yamlfile import read_configs
        from boostflow.jobs.chain import CheckInputs

        root = SNAKEFILE.parents[1]
        names = " + ".join(map(str, args.configfile)) or "config"
        return CheckInputs.of(Analysis(*load(read_configs(args.configfile), root, names), root))

    def check() -> None:
        from boostflow.ingest.check import run

        run(settings := job(), settings.Files())

    fault = _guarded(args.guarded, check)
    if fault is not None:
        if _guarded(True, lambda: job() and None) is not None:
            raise BoostflowError(
                f"a library crashed ({fault.name}) on a file that the configuration names: one of"
                " its corrections is damaged"
            )
        from boostflow.ingest.crashes import check as one_by_one

        settings = job()
        one_by_one(settings, settings.Files(), fault)


def _variations_arguments(command: argparse.ArgumentParser) -> None:
    _configfiles(command)
    command.add_argument("--json", action="store_true", help="for machines")


def _variations(args: argparse.Namespace) -> None:
    from boostflow.states import states, table

    found = states(SNAKEFILE, args.configfile)
    print(json.dumps([row.as_json() for row in found], indent=2) if args.json else table(found))


def _no_arguments(command: argparse.ArgumentParser) -> None:
    pass


def _observables(args: argparse.Namespace) -> None:
    from boostflow.observables.listing import table

    print(table(), end="")


def _output_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("config", type=Path, nargs="?", help="as for snakemake (YAML)")


def _output(args: argparse.Namespace) -> None:
    from boostflow.config.files import output_folder

    print(output_folder(args.config))


def _launch_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--processes", type=int, required=True, help="number of ranks")
    command.add_argument("command", nargs="+", help="what each rank runs, after --")


def _launch(args: argparse.Namespace) -> None:
    from boostflow.launch import launch

    launch(args.processes, args.command)


def _submit_arguments(command: argparse.ArgumentParser) -> None:
    _configfiles(command)
    command.add_argument("--profile", default="profiles/slurm", help="as for snakemake")
    command.add_argument(
        "--sbatch", default="", metavar="OPTIONS", help="of the head's job: --time=2-00:00:00, say"
    )
    command.add_argument("arguments", nargs="*", help="further ones of snakemake, after --")


def _submit(args: argparse.Namespace) -> None:
    from boostflow.head import submit

    head = submit(args.profile, args.configfile, args.arguments, shlex.split(args.sbatch))
    print(f"the head is SLURM job {head.job}: `make status` says how far it is ({head.log})")


def _stop(args: argparse.Namespace) -> None:
    from boostflow.head import stop

    print(f"cancelled: {' '.join(stop())}")


def _head_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("chain", help="what `submit` has written down")


def _head(args: argparse.Namespace) -> None:
    from boostflow.head import run

    sys.exit(run(args.chain))


def _status(args: argparse.Namespace) -> None:
    from boostflow.headstatus import status

    print(status(SNAKEFILE, args.configfile))


def _compress_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("source", metavar="IN", type=Path, help="ROOT or Parquet file")
    command.add_argument("target", metavar="OUT", type=Path, help="file to write")
    command.add_argument("--model", type=Path, required=True, help="folder of a trained model")
    command.add_argument("--tree", help="of a ROOT file, where it has several")


def _compress(args: argparse.Namespace) -> None:
    from boostflow.compress.run import compress

    print(compress(args.source, args.target, args.model, args.tree))


def _decompress_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("source", metavar="IN", type=Path, help="file that compress wrote")
    command.add_argument("target", metavar="OUT", type=Path, help="ROOT or Parquet file to write")


def _decompress(args: argparse.Namespace) -> None:
    from boostflow.compress.run import decompress

    print(decompress(args.source, args.target))


def _datacard_arguments(command: argparse.ArgumentParser) -> None:
    _results(command)
    command.add_argument(
        "--to", type=Path, help="folder of the two files (default: inference/datacard in RESULTS)"
    )


def _results(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "results",
        metavar="RESULTS",
        type=Path,
        nargs="?",
        default=Path("results"),
        help="folder of a run's results (default: results)",
    )


def _datacard(args: argparse.Namespace) -> None:
    from boostflow.infer.datacard import run

    print(run(args.results, args.to))


def _explain_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", metavar="FILE", type=Path, help="a file of the results")


def _explain(args: argparse.Namespace) -> None:
    from boostflow.explain import run

    print(run(args.file), end="")


def _crate_arguments(command: argparse.ArgumentParser) -> None:
    _results(command)
    command.add_argument("--to", type=Path, help="folder (default: ro-crate in RESULTS)")


def _crate(args: argparse.Namespace) -> None:
    from boostflow.crate import run

    print(run(args.results, args.to))


def _showers_arguments(command: argparse.ArgumentParser) -> None:
    from boostflow.calorimeter.make import arguments

    arguments(command)


def _showers(args: argparse.Namespace) -> None:
    from boostflow.calorimeter.make import run

    print(run(args.target, args.particle, args.number, args.energy, args.seed))


COMMANDS: dict[str, tuple[Callable[..., None], Callable[..., None], str]] = {
    "check": (_configfiles, _check, "Look at all input files: one line a file, all problems."),
    "variations": (
        _variations_arguments,
        _variations,
        "List all systematic variations: kind, stages, number of jobs and state; runs nothing.",
    ),
    "observables": (
        _no_arguments,
        _observables,
        "List all observables: unit, what they need, and what they are.",
    ),
    "output": (_output_arguments, _output, "Print the folder that a configuration writes to."),
    "submit": (
        _submit_arguments,
        _submit,
        "Submit a small SLURM job that runs snakemake until the analysis is done.",
    ),
    "status": (_configfiles, _status, "Say what runs, what is done, and what failed, with logs."),
    "stop": (_no_arguments, _stop, "End the head that `submit` has started, and its jobs."),
    "head": (_head_arguments, _head, "Be the head: what the job of `submit` runs."),
    "compress": (
        _compress_arguments,
        _compress,
        "Compress a table of jets by a trained model, each column within its bound.",
    ),
    "decompress": (_decompress_arguments, _decompress, "Undo `compress`."),
    "crate": (
        _crate_arguments,
        _crate,
        "Pack a finished run as a Workflow Run RO-Crate: results, inputs, configuration, versions.",
    ),
    "datacard": (
        _datacard_arguments,
        _datacard,
        "Write the model of a run's fit as a datacard of CMS Combine: text and ROOT shapes.",
    ),
    "explain": (
        _explain_arguments,
        _explain,
        "List what a result was made from, by which job, when, and with which versions.",
    ),
    "showers": (
        _showers_arguments,
        _showers,
        "Write showers of the project's own cascade as HDF5, in the layout of CaloGAN.",
    ),
    "launch": (
        _launch_arguments,
        _launch,
        "Run a command on several Horovod ranks: here, or on the nodes of a SLURM job.",
    ),
}
"""What users ask: how its arguments are declared, what it does, and a sentence for the help."""


if __name__ == "__main__":
    command()
