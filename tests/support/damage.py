"""Damaged files at large: sound inputs of every kind, mutated by a seed, and what is made of each.

Each mutation is read by a process of its own, with limits of time and memory, through the commands
that users and rules call. What may come of it: the file is refused in a message, or it is read.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import resource
import select as waiting
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import yaml

from boostflow import cli
from boostflow.jobs.models import Scoring
from support.hdf5files import dijets, sprays, write_hls4ml, write_lhco
from support.jetfiles import write_jetclass, write_toptag
from support.jets import correction, write_corrections
from support.rootfiles import columns_of, write_nano, write_rntuple
from support.stages import TOP, words
from support.weights import pileup, write_pileup, write_weighted

SECONDS = 20
"""A file that takes longer hangs."""
MEMORY = 2 << 30
"""Bytes that a process may take on top of the libraries."""
WAYS = ("flip", "cut", "grow", "exchange", "wipe")
"""Kinds of mutations."""


def mutated(content: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    """A file with one to eight bytes changed, cut, with bytes more, two blocks exchanged, or zeros.

    Args:
        content: of a sound file that is not empty.
        rng: decides what, and where.

    Returns:
        the way, and the content.
    """
    if content.isascii() and rng.random() < 0.5:
        return "word", reworded(content.decode(), rng).encode()
    way = str(rng.choice(WAYS, p=(0.4, 0.15, 0.15, 0.15, 0.15)))
    size = len(content)
    data = bytearray(content)
    # Headers and directories are small beside the rest, and are damaged as often.
    places = np.where(
        rng.random(8) < 0.5, rng.integers(0, size, 8), rng.integers(0, min(size, 400), 8)
    )
    if way == "flip" and rng.random() < 0.5:
        data[places[0]] ^= 1 << int(rng.integers(8))  # one bit: text may stay text
    elif way == "flip":
        for place in places[: rng.integers(1, 9)]:
            data[place] ^= int(rng.integers(1, 256))
    elif way == "cut":
        del data[int(rng.integers(0, size)) :]
    elif way == "grow":
        more = rng.integers(0, 256, int(rng.integers(1, 200)), dtype=np.uint8).tobytes()
        place = size if rng.random() < 0.5 else int(places[0])
        data[place:place] = more
    else:
        length = int(rng.integers(1, max(2, min(size // 2, 4096))))
        a, b = sorted(int(x) for x in rng.integers(0, max(size - length, 1), 2))
        if way == "wipe":
            data[a : a + length] = bytes(len(data[a : a + length]))
        else:
            b = max(b, min(a + length, size - length))
            one, other = data[a : a + length], data[b : b + length]
            data[a : a + length], data[b : b + length] = other, one
    return way, bytes(data)


WORDS = (
    *("null", "true", "NaN", "Infinity", "-1", "0", "1e400", "99999999999999999999", "[]", "{}"),
    *('"x"', "[[1, 2]]", "~", "&a", "*a", "!!python/name:os.system", "\n", ""),
)
"""What stands in the place of a word or a number of a text."""


def reworded(text: str, rng: np.random.Generator) -> str:
    """A text in which a word or a number is another one, or what a parser takes for more."""
    found = list(re.finditer(r'"[^"]*"|[\w.+-]+', text))
    one = found[int(rng.integers(len(found)))]
    return text[: one.start()] + str(rng.choice(WORDS)) + text[one.end() :]


@dataclass
class Sound:
    """An input that is read: the files that are damaged, and the commands that read them."""

    folder: Path
    targets: list[str]
    """Files that are damaged, one at a time."""
    commands: list[list[str]]
    outputs: list[str] = field(default_factory=list)
    """Files that the commands write, and that are compared."""


@dataclass
class Outcome:
    """What was made of a mutation."""

    kind: str
    number: int
    way: str
    file: str
    state: str = ""
    """`refused`, `told` (a library crashed, and the command says so), `same`, `other` (read, with
    other values), or what must not be: `traceback`, `silent` (an end without a message), `crash`,
    `hang`."""
    text: str = ""
    seconds: float = 0.0
    megabytes: float = 0.0
    """Most memory of the process, with the libraries."""

    @property
    def good(self) -> bool:
        """Whether a user can live with it."""
        return self.state in ("refused", "told", "same", "other")


def _config(folder: Path, **keys: object) -> Path:
    path = folder / "c.yaml"
    config = {"output": "out", "systematics": None, "models": {}, **keys}
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


def _sample(folder: Path, file: str, source: str, settings: dict, **block: object) -> Sound:
    """A sample of one file, looked at and read."""
    _config(folder, samples={"x": {"source": source, "files": [file], **block}})
    made = {"table": "out.parquet", "meta": "out.json"}
    read = words("ingest", {"source": source, **settings}, file=file, **made)
    return Sound(folder, [file], [["check", "--configfile", "c.yaml"], read], ["out.parquet"])


def ttree(folder: Path) -> Sound:
    """A TTree like NanoAOD."""
    write_nano(folder / "a.root", 40, constituents=True)
    return _sample(folder, "a.root", "root", TOP, label="top", match="top", xsec=1.0)


def rntuple(folder: Path) -> Sound:
    """The same as an RNTuple."""
    write_nano(folder / "tree.root", 40, constituents=True)
    write_rntuple(folder / "a.root", columns_of(folder / "tree.root"), flat=True)
    return _sample(folder, "a.root", "root", TOP, label="top", match="top", xsec=1.0)


def lhco(folder: Path) -> Sound:
    """HDF5: events of the LHC Olympics."""
    write_lhco(folder / "a.h5", dijets(30), np.arange(30) % 2)
    return _sample(folder, "a.h5", "lhco", {})


def hls4ml(folder: Path) -> Sound:
    """HDF5: jets of HLS4ML."""
    write_hls4ml(folder / "a.h5", sprays(30), [*"gqwzt"] * 6)
    return _sample(folder, "a.h5", "hls4ml", {})


def toptag(folder: Path) -> Sound:
    """NumPy: three arrays."""
    write_toptag(folder / "a_p4.npy", sprays(30), [0, 1] * 15)
    sound = _sample(folder, "a_p4.npy", "toptag", {})
    sound.targets += ["a_mask.npy", "a_labels.npy"]
    return sound


def jetclass(folder: Path) -> Sound:
    """Parquet: jets of JetClass."""
    write_jetclass(folder / "a.parquet", sprays(30), [0, 187, 40] * 10, group=20)
    return _sample(folder, "a.parquet", "jetclass", {})


def golden(folder: Path) -> Sound:
    """JSON: certified luminosity blocks."""
    write_nano(folder / "a.root", 40, data=True, truth=False)
    blocks = {"1": [[1, 5], [7, 9]], "297050": [[12, 137], [193, 776]], "297056": [[12, 203]]}
    (folder / "g.json").write_text(json.dumps(blocks), encoding="utf-8")
    sound = _sample(folder, "a.root", "root", {"data": True}, data=True, golden_json="g.json")
    sound.targets = ["g.json"]
    sound.commands[1] += ["--golden-json", "g.json"]
    return sound


def _selection(folder: Path, name: str, job: dict, **files: str) -> Sound:
    """A selection that reads a file of corrections."""
    made = {"table": "out.parquet", "cutflow": "out.json"}
    cuts = {
        "fatjet": {"pt": [210.0, 900.0], "mass": [0.0, 900.0], "multiplicity_min": 0},
        "event": {"ht_min": 0.0, "met_max": None},
    }
    settings = {"sample": "x", "select": cuts, **job}
    read = words("select", settings, parts="parts.json", **files, **made)
    return Sound(
        folder, [name], [["check", "--configfile", "c.yaml"], read], ["out.parquet", "out.json"]
    )


def _parts(folder: Path, **settings: object) -> None:
    made = {"table": folder / "in.parquet", "meta": folder / "in.json"}
    cli.main(words("ingest", {**TOP, **settings}, file=folder / "a.root", **made))
    parts = {"parts": [{"table": "in.parquet", "meta": "in.json"}]}
    (folder / "parts.json").write_text(json.dumps(parts), encoding="utf-8")


def corrections(folder: Path, name: str = "k.json") -> Sound:
    """JSON: corrections of a shift."""
    write_nano(folder / "a.root", 40)
    _parts(folder)
    bins = {"nodetype": "binning", "input": "pt", "edges": [0.0, 300.0, 9000.0], "flow": "clamp"}
    entries = [
        correction("jes", ["JetPt"], {**bins, "input": "JetPt", "content": [0.1, 0.02]}),
        correction("jms", ["JetEta"], 0.01),
    ]
    write_corrections(folder / name, entries)
    (folder / "s.yaml").write_text("jes: {kind: shift, correction: jes}\n", encoding="utf-8")
    block = {"source": "root", "files": ["a.root"], "label": "top", "match": "top", "xsec": 1.0}
    cut = {"corrections": name, "fatjet": {"pt": [300.0, 900.0]}}
    _config(folder, systematics="s.yaml", samples={"x": block}, select=cut)
    shift = {"quantity": "energy", "side": "up", "correction": "jes"}
    return _selection(folder, name, {"shift": shift, "variation": "jes_up"}, corrections=name)


def compressed(folder: Path) -> Sound:
    """Compressed JSON: corrections of a shift."""
    return corrections(folder, "k.json.gz")


def weights(folder: Path) -> Sound:
    """JSON: corrections of weights."""
    write_weighted(folder / "a.root")
    write_pileup(folder / "k.json")
    pu = pileup("k.json")
    block = {"source": "root", "files": ["a.root"], "label": "top", "xsec": 1.0}
    _config(folder, samples={"x": {**block, "weights": {"pu": pu}}})
    from boostflow.config.weights import SampleWeight, carried

    kept = carried({"pu": SampleWeight.model_validate(pu)})
    _parts(folder, match=None, carried={k: v.model_dump() for k, v in kept.items()})
    return _selection(folder, "k.json", {"weights": {"pu": pu}}, weights="k.json")


CONFIG = """\
# An analysis.
output: out
seed: 7
luminosity: 59.8
systematics: s.yaml
samples:
  top: { source: root, files: ["a.root"], label: top, match: top, xsec: 831.76 }
  qcd: &sample
    source: root
    files: ["b*.root", list.txt]
    label: quark
    xsec: 1.2e+3
    parts_per_file: 2
select:
  fatjet: { pt: [500.0, 900.0], abs_eta_max: 2.4, mass: [30.0, 300.0] }
  event: { ht_min: 900.0 }
models:
  bdt: { kind: bdt, features: [pt, mass, tau21], max_depth: 4 }
templates:
  regions:
    pass: { model: bdt, score: p_top, range: [0.5, 1.0] }
    fail: { model: bdt, score: p_top, range: [0.0, 0.5] }
infer: { signal: [top] }
"""
SYSTEMATICS = """\
lumi: { kind: rate, value: 0.016, title: "Luminosity" }
jes: { kind: shift, correction: jes, group: exp }
isr: { kind: weight, up: weight_isr_up, down: weight_isr_down, samples: [top] }
"""


def settings(folder: Path) -> Sound:
    """YAML: the configuration, its systematics, a list of files."""
    for number, name in enumerate(("a", "b1", "b2")):
        write_nano(folder / f"{name}.root", 20, run=number, seed=number)
    write_corrections(folder / "k.json", [correction("jes", ["JetPt"], 0.1)])
    text = CONFIG.replace("select:\n", "select:\n  corrections: k.json\n")
    (folder / "c.yaml").write_text(text.replace("list.txt", "l.txt"), encoding="utf-8")
    (folder / "s.yaml").write_text(SYSTEMATICS, encoding="utf-8")
    write_nano(folder / "d.root", 20, run=9, seed=9)
    (folder / "l.txt").write_text("# more\nd.root # the last\n", encoding="utf-8")
    return Sound(folder, ["c.yaml", "s.yaml", "l.txt"], [["check", "--configfile", "c.yaml"]])


def model(folder: Path) -> Sound:
    """A trained model: trees in XGBoost's format, and JSON."""
    from boostflow.models.bdt.block import BDT
    from support import conformance

    block = BDT(features=["pt", "mass"], rounds=5)
    jets = conformance.jets(folder, 30)
    conformance.train(jets, block, folder)
    scores = block.scores(conformance.CLASSES)
    job = Scoring(samples=[path.stem for path in jets], scores=scores).model_dump(mode="json")
    files = {"model": "model", "jets": [path.name for path in jets], "scores": "out.parquet"}
    return Sound(
        folder,
        ["model/manifest.json", "model/model.ubj"],
        [words("score", job, **files)],
        ["out.parquet"],
    )


KINDS: dict[str, Callable[[Path], Sound]] = {
    make.__name__: make
    for make in (
        *(ttree, rntuple, lhco, hls4ml, toptag, jetclass),
        *(golden, corrections, compressed, weights, settings, model),
    )
}
"""Kinds of inputs by name."""


def digest(sound: Sound, folder: Path) -> str:
    """What the commands have made of an input."""
    import awkward as ak

    found = hashlib.blake2b(digest_size=8)
    for name in sound.outputs:
        path = folder / name
        data = ak.from_parquet(path).to_list() if path.suffix == ".parquet" else path.read_text()
        found.update(repr(data).encode())
    return found.hexdigest()


def read(sound: Sound, folder: Path) -> tuple[str, str]:
    """Run the commands in this process: a state as in `Outcome`, and a message or a digest."""
    os.chdir(folder)
    refused = ""
    for command in sound.commands:
        said = io.StringIO()
        try:
            with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
                cli.main(command)
        except SystemExit as end:
            lines = [x for x in said.getvalue().splitlines() if x.startswith("boostflow: error: ")]
            if end.code != 1 or len(lines) != 1:
                return "silent", f"exit {end.code}: {said.getvalue()[-500:]}"
            refused = refused or lines[0]
        except BaseException:
            return "traceback", traceback.format_exc()[-3000:]
    return ("refused", refused) if refused else ("read", digest(sound, folder))


def in_process(action: Callable[[], tuple[str, str]]) -> tuple[str, str, float, float]:
    """What an action returns in a process of its own, or how that ended; seconds and megabytes."""
    reader, writer = os.pipe()
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            os.setsid()
            size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY,) * 2)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            os.dup2(null, 2)
            result = action()
            os.write(writer, json.dumps(result)[:60_000].encode())
        except BaseException:
            os.write(writer, json.dumps(("traceback", traceback.format_exc()[-3000:])).encode())
        finally:
            os._exit(0)
    os.close(writer)
    ready, _, _ = waiting.select([reader], [], [], SECONDS)
    text = b""
    if ready:
        while part := os.read(reader, 65536):
            text += part
    else:
        os.killpg(child, signal.SIGKILL)
    os.close(reader)
    _, status, usage = os.wait4(child, 0)
    seconds, megabytes = time.monotonic() - start, usage.ru_maxrss / 1024
    if not ready:
        return "hang", "", seconds, megabytes
    if not text:
        return "crash", f"status {status}", seconds, megabytes
    state, said = json.loads(text)
    return state, said, seconds, megabytes


def outcomes(
    folder: Path, numbers: Sequence[int], kinds: Sequence[str] = tuple(KINDS), seed: int = 1
) -> Iterator[Outcome]:
    """Mutate inputs of each kind in turn, and read them.

    Args:
        folder: for files.
        numbers: of the mutations: each is always the same one.
        kinds: names in `KINDS`.
        seed: another one makes others.
    """
    sounds: dict[str, tuple[Sound, str]] = {}
    for number in numbers:
        kind = kinds[number % len(kinds)]
        if kind not in sounds:
            home = folder / kind
            home.mkdir(parents=True)
            sound = in_child_made(kind, home)
            state, said, *_ = in_process(lambda sound=sound: read(sound, sound.folder))
            assert state == "read", f"{kind}: {state}: {said}"
            sounds[kind] = sound, said
        sound, expected = sounds[kind]
        rng = np.random.default_rng([seed, number])
        target = sound.targets[int(rng.integers(len(sound.targets)))]
        place = folder / f"{kind}.{number}"
        shutil.copytree(sound.folder, place)
        for name in sound.outputs:
            (place / name).unlink()
        way, content = mutated((sound.folder / target).read_bytes(), rng)
        (place / target).write_bytes(content)
        state, said, seconds, megabytes = in_process(lambda s=sound, p=place: read(s, p))
        if state == "crash":
            state, said = told(sound, place)
        if state == "read":
            state = "same" if said == expected else "other"
        one = Outcome(kind, number, way, target, state, said, seconds, megabytes)
        if one.good:
            shutil.rmtree(place)
        yield one


def told(sound: Sound, folder: Path) -> tuple[str, str]:
    """What the commands say as users call them, where a library crashed the process of a test."""
    for command in sound.commands:
        done = subprocess.run(
            [sys.executable, "-m", "boostflow.cli", *command],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=2 * SECONDS,
        )
        lines = [line for line in done.stderr.splitlines() if line.startswith("boostflow: error: ")]
        if done.returncode == 1 and len(lines) == 1 and "Traceback" not in done.stderr:
            return "told", lines[0]
    return "crash", done.stderr[-500:]


def in_child_made(kind: str, home: Path) -> Sound:
    """Make a sound input in a process of its own: threads of libraries do not survive a fork."""

    def make() -> tuple[str, str]:
        sound = KINDS[kind](home)
        return "made", json.dumps({**asdict(sound), "folder": str(home)})

    state, said, *_ = in_process(make)
    assert state == "made", f"{kind}: {said}"
    told = json.loads(said)
    return Sound(home, told["targets"], told["commands"], told["outputs"])


def table(found: Sequence[Outcome]) -> str:
    """How many there are of each kind and state, the slowest and the largest."""
    lines = [f"{'kind':12} {'files':>5}  states"]
    for kind in dict.fromkeys(one.kind for one in found):
        own = [one for one in found if one.kind == kind]
        states = Counter(one.state for one in own)
        told = ", ".join(f"{number} {state}" for state, number in sorted(states.items()))
        slow, large = max(one.seconds for one in own), max(one.megabytes for one in own)
        lines.append(f"{kind:12} {len(own):5}  {told}; at most {slow:.1f} s, {large:.0f} MB")
    good = sum(one.good for one in found)
    return "\n".join([*lines, f"{good} of {len(found)} refused in a message or read"])


def preload() -> None:
    """Import what the commands use, so that each process starts with it."""
    import snakemake.utils  # noqa: F401

    import boostflow.ingest.check
    import boostflow.ingest.run
    import boostflow.select.run  # noqa: F401
    from boostflow.jobs.registry import JOBS, job_of

    for name in ("ingest", "select", "check_inputs"):
        assert name in JOBS
        job_of(name)
    sys.stdout.flush()
