"""Files that a configuration names: its output folder, and those of a sample.

Of a sample patterns and text lists are expanded, addresses are taken as they are.

Every job reads the configuration again, so nothing here uses a network.
"""

from __future__ import annotations

import glob
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from boostflow.config.base import at_home
from boostflow.config.samples import FileSample, FlatSample, RootSample, Sample, TopTagSample
from boostflow.config.weights import carried
from boostflow.errors import BoostflowError
from boostflow.publicsets import toptag_files

LIST = ".txt"
"""Suffix of text lists."""
PROTOCOLS = ("root", "https", "http")


def output_folder(path: Path | None) -> str:
    """The `output` of a configuration file, or the default.

    Raises:
        BoostflowError: the file cannot be read, or says something else than a folder there.
    """
    from boostflow.config.config import Config

    default = Config.model_fields["output"].default
    if path is None:
        return default
    import yaml

    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    # Dates that are none are a ValueError.
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise BoostflowError(
            f"{path}: not readable as YAML: {' '.join(str(error).split())}"
        ) from None
    if not isinstance(raw, dict | None):
        raise BoostflowError(f"{path}: has no keys, expected `output: results`")
    folder = (raw or {}).get("output", default)
    if not isinstance(folder, str) or not folder:
        raise BoostflowError(f"{path}: output: {folder!r} is not a folder")
    try:
        return at_home(folder)
    except ValueError as error:
        raise BoostflowError(f"{path}: output: {error}") from None


def find(path: str, root: Path) -> Path | None:
    """A file of the project: relative to the working directory, else to the repository.

    Args:
        path: as the configuration names it.
        root: folder of the repository.
    """
    return next((p for p in (Path(path), root / path) if p.is_file()), None)


def is_remote(file: str) -> bool:
    """Whether a file is an address, not a path."""
    return "://" in file


def expand(sample: FileSample) -> tuple[list[str], list[str]]:
    """The files of a sample, sorted within each pattern, and what is wrong with them."""
    problems: list[str] = []
    files: list[str] = []
    for entry, where in _entries(sample.files, problems):
        if is_remote(entry):
            fault = _address_fault(entry, sample)
            found = [entry]
        elif glob.has_magic(entry) and not Path(entry).is_file():
            found = [str(Path(file)) for file in sorted(glob.glob(entry))]
            fault = None if found else f"no file matches {entry}"
        else:
            found = [str(Path(entry))]  # snakemake refuses ./a.root
            fault = _path_fault(Path(entry))
        fault = next(filter(None, map(brace_fault, [entry, *found])), fault)
        files += found
        if fault:
            problems.append(f"{where}{fault}")
    problems += [
        fault for file in files if not is_remote(file) for fault in _beside_faults(file, sample)
    ]
    places = [file if is_remote(file) else Path.cwd() / file for file in files]
    seen: set[str | Path] = set()
    twice: set[str] = set()
    for file, place in zip(files, places, strict=True):
        if place in seen:
            twice.add(file)
        seen.add(place)
    return files, [*problems, *(f"{file} is listed more than once" for file in sorted(twice))]


def brace_fault(path: str) -> str | None:
    """What is wrong with a path that holds braces, as Snakemake would take them."""
    if not re.search("[{}]", path):
        return None
    return (
        f"{path}: Snakemake takes braces for wildcards: rename it, or name a link to it; patterns"
        " know *, ? and [...]"
    )


def beside(file: str, sample: Sample | FileSample) -> list[str]:
    """Files that are read together with a file of a sample."""
    return list(toptag_files(file).values()) if isinstance(sample, TopTagSample) else []


def _beside_faults(file: str, sample: FileSample) -> list[str]:
    try:
        others = beside(file, sample)
    except ValueError as error:
        return [str(error)]
    return [
        f"no such file: {other}: it belongs to {file}"
        for other in others
        if not Path(other).is_file()
    ]


def keys(name: str, sample: FileSample, files: list[str], tree: str) -> list[str]:
    """A name for each file of a sample that changes with the file, and with what is looked for.

    Args:
        name: of the sample.
        sample: its block.
        files: its files, in order.
        tree: name of the tree in ROOT files.
    """
    wanted = sample.model_dump_json(
        exclude={"files", "parts_per_file", "label", "xsec", "weights", "where"}
    )
    if isinstance(sample, RootSample) and sample.weights:
        wanted += repr(sorted((x, item.weight) for x, item in carried(sample.weights).items()))
    found = []
    for number, file in enumerate(files):
        stamp = "" if is_remote(file) else " ".join(map(_stamp, [file, *beside(file, sample)]))
        text = "\0".join((name, str(number), file, stamp, wanted, tree))
        found.append(hashlib.blake2b(text.encode(), digest_size=10).hexdigest())
    return found


def content(path: str) -> str:
    """A digest of what a file holds, the same for equal files whatever their names and times."""
    try:
        return hashlib.blake2b(Path(path).read_bytes(), digest_size=10).hexdigest()
    except OSError:
        return "gone"  # the check of the configuration, or the job that reads it, says so


def files_in(settings: Iterable[str]) -> list[str]:
    """The files that Pythia's settings name, as in `SLHA:file = x.slha`."""
    values = [text.partition("=")[2].strip() for text in settings]
    return [value for value in values if value and _is_file(value)]


def model_files(folder: str | None) -> list[str]:
    """Files of a trained model, but those that say how the training went.

    Args:
        folder: of the model; None for no model.
    """
    if folder is None or not Path(folder).is_dir():
        return []
    return sorted(
        str(path)
        for path in Path(folder).iterdir()
        if path.is_file() and path.name not in ("manifest.json", "metrics.json")
    )


def _is_file(value: str) -> bool:
    try:
        return Path(value).is_file()
    except (OSError, ValueError):  # too long for a name, for instance
        return False


def _stamp(file: str) -> str:
    try:
        status = Path(file).stat()
    except OSError:
        return "gone"
    return f"{status.st_mtime_ns} {status.st_size}"


def known(folder: Path) -> dict[str, str]:
    """The JSON file that says what a check found, by the key of each file that was checked."""
    found: dict[str, str] = {}
    for path in sorted(folder.glob("*.json")):
        found |= dict.fromkeys(json.loads(path.read_text(encoding="utf-8")), str(path))
    return found


def batch(keys: Iterable[str]) -> str:
    """A name for files that are checked together."""
    return hashlib.blake2b(" ".join(keys).encode(), digest_size=10).hexdigest()


def _entries(given: list[str], problems: list[str]) -> Iterator[tuple[str, str]]:
    """Paths, patterns and addresses, and for messages where each of them stands."""
    for entry in given:
        if is_remote(entry) or not entry.endswith(LIST):
            yield entry, ""
            continue
        lists = sorted(glob.glob(entry)) if glob.has_magic(entry) else [entry]
        if not lists:
            problems.append(f"no list matches {entry}")
        for name in lists:
            try:
                lines = Path(name).read_text("utf-8-sig").splitlines()
            except FileNotFoundError:
                problems.append(f"no such list: {name}")
                continue
            except (OSError, UnicodeDecodeError) as error:
                problems.append(f"{name}: not a readable text list: {error}")
                continue
            # Addresses may hold a # themselves.
            content = [re.sub(r"(^|\s)#.*", "", line).strip() for line in lines]
            if not any(content):
                problems.append(f"{name}: lists no file")
            for number, text in enumerate(content, 1):
                where = f"{name}, line {number}: "
                try:
                    text = at_home(text)
                except ValueError as error:
                    problems.append(f"{where}{error}")
                    continue
                if text.endswith(LIST) and not is_remote(text):
                    problems.append(f"{where}{text}: a list in a list")
                elif text:
                    yield text, where


def _path_fault(path: Path) -> str | None:
    try:
        if path.is_file():
            return None
    except OSError as error:
        return f"{path}: {error.strerror}"
    if path.is_dir():
        return f"not a file: {path} is a folder: name its files, {path}/*.root"
    if str(path).startswith("/store/"):
        return (
            f"no such file: {path}: a logical file name of CMS needs a server before it:"
            f" root://cms-xrd-global.cern.ch/{path}"
        )
    return f"not a file: {path}" if path.exists() else f"no such file: {path}"


def _address_fault(address: str, sample: FileSample) -> str | None:
    protocol, _, rest = address.partition("://")
    server, _, path = rest.partition("/")
    if not isinstance(sample, RootSample):
        what = "ROOT files of jets" if isinstance(sample, FlatSample) else "ROOT files"
        return f"{address}: only {what} are read from servers: copy it first"
    if protocol not in PROTOCOLS:
        return f"{address}: addresses start with {', '.join(f'{p}://' for p in PROTOCOLS)}"
    if not server or not path:
        return f"{address}: is not an address of a file: {protocol}://server//path/file.root"
    # ? is no pattern: it starts the options of an address.
    if "*" in path or "[" in path:
        return (
            f"{address}: patterns are not expanded on servers: list the files in a text file"
            " (`xrdfs SERVER ls FOLDER`) and name that"
        )
    return None
