"""All input files looked at before anything runs: metadata, and the first and the last event.

What a file has is found by the same functions as when it is read (`boostflow.ingest.run.inspect`,
the layouts of HDF5 files), so that what passes here is read alike.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from types import MappingProxyType

import numpy as np

from boostflow.config.files import expand, keys, known
from boostflow.config.needs import Needs
from boostflow.config.samples import FileSample, FlatSample, RootContent, RootSample, is_data
from boostflow.config.weights import carried, relative_columns
from boostflow.corrections import OPTIONAL
from boostflow.errors import BadFile, BoostflowError
from boostflow.ingest import theory
from boostflow.ingest.badevents import BadEvents
from boostflow.ingest.branches import Branches
from boostflow.ingest.checked import Checked, Report
from boostflow.ingest.features import Features, content, mixed_met
from boostflow.ingest.partly import in_some_files, some
from boostflow.ingest.run import LAYOUTS, inspect, is_skim
from boostflow.ingest.skipped import consequence
from boostflow.ingest.sums import is_final, is_scaled, named_alike
from boostflow.ingest.tablefiles import opened
from boostflow.ingest.tables import FEATURES
from boostflow.ingest.units import has_unit, in_gev, too_small
from boostflow.io import atomic, write_json
from boostflow.jobs.chain import CheckInputs
from boostflow.nanoaod import EVENT, IMPACT, VERTICES
from boostflow.observables.catalogue import ingested
from boostflow.progress import Progress
from boostflow.terminal import ERRORS
from boostflow.theory import ALPHA_S

log = logging.getLogger("check")

THREADS = 8
"""Files that are looked at together: waiting for disks and servers takes most of the time."""


def run(
    job: CheckInputs, files: CheckInputs.Files, crashing: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Look at all input files, print one line a file, and write down what was found.

    Args:
        job: the settings.
        files: what is written; nothing is where none is named.
        crashing: files that are not to be opened, with what is said of them.

    Raises:
        BoostflowError: with all problems; then nothing is written.
    """
    if not any(isinstance(block, FileSample) for block in job.samples.values()):
        print("no input files: all samples are simulated")
        return
    report = check(job, crashing)
    print(report.table())
    if report.problems:
        number = len(report.problems)
        what = "1 problem" if number == 1 else f"{number} problems"
        raise BoostflowError("\n".join([f"{what} with the input files:", *report.problems]))
    write(report, files)


def check(job: CheckInputs, crashing: Mapping[str, str] = MappingProxyType({})) -> Report:
    """Look at the files of all samples, several at a time.

    Args:
        job: the settings.
        crashing: files that are not to be opened, with what is said of them.

    Raises:
        BoostflowError: a sample names files that are not there.
    """
    samples = {n: block for n, block in job.samples.items() if isinstance(block, FileSample)}
    config, needs = job.ingest, job.needs
    faults = [f"samples.{n}.files: {text}" for n, b in samples.items() for text in expand(b)[1]]
    if faults:
        raise BoostflowError("\n".join(faults))
    found = []
    for name, block in samples.items():
        files = expand(block)[0]
        for file, key in zip(files, keys(name, block, files, config.tree), strict=True):
            weights = list(block.weights) if isinstance(block, RootSample) else []
            bad = crashing.get(file)
            found.append(Checked(name, file, key=key, weights=weights, bad=bad))
    sound = [one for one in found if one.bad is None]
    bar = Progress("check", len(sound), "files")
    pool = ThreadPoolExecutor(THREADS)
    try:
        looks = [
            pool.submit(look_at, one, samples[one.sample], job, needs.get(one.sample, Needs()))
            for one in sound
        ]
        for look in as_completed(looks):
            look.result()
            bar.update()
    finally:
        pool.shutdown(cancel_futures=True)
    _find_copies(found, samples)
    skip = config.on_bad_file == "skip"
    problems = [f"{one.file}: {one.bad}" for one in found if one.bad is not None and not skip]
    problems += [f"{one.file}: {text}" for one in found for text in one.wrong]
    notes: dict[str, list[str]] = {}
    for name, block in samples.items():
        own = [one for one in found if one.sample == name]
        problems += [f"samples.{name}: {text}" for text in _problems_of(own, block)]
        problems += [
            f"samples.{name}: {text}" for text in _unmet(own, block, needs.get(name, Needs()))
        ]
        for text in _notes_of(own, block, skip):
            notes.setdefault(text, []).append(name)
    if mets := _differing_mets(found):
        notes[f"MET is not the same: {mets}; `met` of a sample names one"] = list(samples)
    said = [f"{', '.join(names)}: {text}" for text, names in notes.items()]
    return Report(found, problems, said, skip)


def write(report: Report, files: CheckInputs.Files) -> None:
    """Write check.json, the table, and what is new in it (docs/contracts.md, "check")."""
    for path in files.checked:
        before = known(path.parent)
        new = [found for found in report.files if before.get(found.key, str(path)) == str(path)]
        write_json(path, {found.key: found.as_json() for found in new})
    if files.table is not None:
        with atomic(files.table) as part:
            part.write_text(report.table(), encoding="utf-8", errors=ERRORS)
    if files.check is not None:
        write_json(files.check, report.as_json())


# --- a file ---------------------------------------------------------------------------------------


def look_at(one: Checked, block: FileSample, job: CheckInputs, needs: Needs) -> None:
    """Fill in what is found in a file.

    Args:
        one: what is known of it.
        block: of its sample.
        job: how it will be read.
        needs: what the rest of the analysis needs of the sample.
    """

    def say(error: BoostflowError) -> str:
        return " ".join(str(error).removeprefix(f"{one.file}: ").split())

    try:
        if isinstance(block, RootSample):
            _look_at_root(one, block, job, needs)
        elif isinstance(block, FlatSample):
            with opened(one.file, block.content()) as table:
                one.features, one.events = FEATURES, table.entries
        else:
            with LAYOUTS[block.source](
                one.file, block.select, job.radius, job.ingest.fatjet_pt_min
            ) as layout:
                one.features, one.events = layout.features, layout.entries
                if layout.key is not None and layout.entries:
                    ends = [
                        layout.numbers(layout.key, slice(i, i + 1)) for i in (0, one.events - 1)
                    ]
                    one.identity = _digest(one.events, *(end.tobytes() for end in ends))
    except BadFile as error:
        one.bad = say(error)
    except BoostflowError as error:
        one.wrong.append(say(error))


def _look_at_root(one: Checked, block: RootSample, job: CheckInputs, needs: Needs) -> None:
    def look(branches: Branches, features: Features, entries: int) -> None:
        if not entries:
            return
        one.identity = _identity(branches, features, entries)
        number = min(entries, theory.FIRST)
        one.unseen = entries > number
        drop = job.ingest.on_bad_event == "drop"
        bad = BadEvents(one.file, np.arange(number), drop=drop, energy=job.energy)
        _find_bad(bad, branches, features, block)
        if bad.mask.all():
            raise BadFile(f"{bad.first}: so or alike are all of the first {number} events")
        if small := too_small(branches, features, block.units, number):
            one.wrong.append(small)
        one.bad_events, one.first_bad = int(bad.mask.sum()), bad.first
        theory.require(one.file, features, branches, entries, needs.weights)

    wanted = carried(block.weights, f"samples.{one.sample}.weights")
    one.features, one.events, own_xsec, made = inspect(
        one.file, job.ingest, block, data=block.data, match=block.match, look=look, carried=wanted
    )
    one.xsec = block.xsec if block.xsec is not None else own_xsec
    one.summed, one.skim = made is not None, is_skim(made, one.events)


def _identity(branches: Branches, features: Features, entries: int) -> str:
    """A digest of the number of events, and of what the first and the last one are."""
    wanted = [*EVENT, "FatJet_pt", "FatJet_px", "genWeight", f"{features.met}_pt"]
    names = [features.names[name] for name in wanted if name in features.names]
    ends = [branches.read(names, i, i + 1) for i in (0, entries - 1)]
    values = [[end[name].to_list() for name in names] for end in ends]
    return _digest(entries, repr(values).encode())


def _digest(*parts: int | bytes) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(part if isinstance(part, bytes) else str(part).encode())
    return digest.hexdigest()


def _find_bad(bad: BadEvents, branches: Branches, features: Features, content: RootContent) -> None:
    """Look at weights and jets of the first events: whether they can be such, and in this unit."""
    stop = len(bad.entry)
    for name, values in branches.read(list(features.carried), 0, stop).items():
        bad.kept(name, features.carried[name], values)
    jets = [name for name in features.names if name.startswith("FatJet_") and has_unit(name)]
    wanted = {name: features.names[name] for name in [*jets, *["genWeight"] * features.gen_weight]}
    read = branches.read(list(dict.fromkeys(wanted.values())), 0, stop)
    found = in_gev({ours: read[theirs] for ours, theirs in wanted.items()}, content.units)
    if features.gen_weight:
        bad.finite("genWeight", found["genWeight"])
    for name in (name for name in jets if name != "FatJet_energy"):
        bad.possible(features.names[name], abs(found[name]))


# --- files together -------------------------------------------------------------------------------


def _find_copies(found: Iterable[Checked], samples: Mapping[str, FileSample]) -> None:
    """Add to `wrong` of files that hold what another one holds."""
    first: dict[tuple[str, str], Checked] = {}
    for one in found:
        numbered = one.features is not None and {*EVENT} <= one.features.names.keys()
        # Events of collision data count once, whatever holds them.
        if one.identity is None or (numbered and is_data(samples[one.sample])):
            continue
        # The classes of an HDF5 file may be samples of their own.
        chosen = getattr(samples[one.sample], "select", "all")
        among = [key for key in first if key[0] == one.identity]
        other = next(
            (first[key] for key in among if "all" in (chosen, key[1]) or key[1] == chosen), None
        )
        if other is None:
            first[one.identity, chosen] = one
            continue
        where = "" if other.sample == one.sample else f" of sample {other.sample}"
        one.wrong.append(
            f"holds the same events as {other.file}{where} ({one.events}, the first and the last "
            "one alike): they would count twice"
        )


def _problems_of(files: list[Checked], block: FileSample) -> list[str]:
    """What is wrong with a sample as a whole."""
    read = [one for one in files if one.features is not None and one.bad is None]
    filled = [one for one in read if one.events]
    if not filled and any(one.wrong for one in files):
        return []  # these have been said, and there may well be events
    if not filled:
        return [f"none of its {len(files)} files has events that can be read"]
    problems = []
    like = filled[0]
    for one in filled:
        own, first = content(one.features.as_dict()), content(like.features.as_dict())
        if own != first:
            differ = [name for name, value in own.items() if first[name] != value]
            problems.append(
                f"{one.file} has other branches than {like.file} ({', '.join(differ)}): put files "
                "of different content into samples of their own"
            )
            break
    if mixed := mixed_met([(one.file, one.features.which_met) for one in filled]):
        problems.append(mixed)
    before = block.before_skim if isinstance(block, RootSample) else None
    if before and before.file is not None:
        alike = named_alike([one.file for one in filled], Path(before.file))
        problems += [alike] if alike else []
    skims = [one.file for one in read if one.skim]
    unsummed = [one.file for one in filled if not one.summed]
    if skims and unsummed:
        problems.append(
            f"{skims[0]} is a skim, but {unsummed[0]} has no sums of weights in a tree Runs, which "
            "would tell what it was made from: put it into a sample of its own"
        )
    if not is_data(block):
        lacking = [one.file for one in filled if one.xsec is None]
        if block.xsec is None and 0 < len(lacking) < len(filled):
            problems.append(
                f"{lacking[0]} has no cross-section, which others of its files have: set `xsec`"
            )
    return problems


def _differing_mets(found: list[Checked]) -> str:
    """Which samples have which missing momentum, in words; nothing where it is the same."""
    mets: dict[str, dict[str, None]] = {}
    for one in found:
        if one.events and one.features and one.features.which_met is not None:
            mets.setdefault(one.features.which_met, {})[one.sample] = None
    told = [f"{met} in {', '.join(names)}" for met, names in mets.items()]
    return "; ".join(told) if len(told) > 1 else ""


def _unmet(files: list[Checked], block: FileSample, needs: Needs) -> list[str]:
    """What models, systematics and weights need of a sample, and the first of its files lacks."""
    first = next((one for one in files if one.events and one.features and one.bad is None), None)
    if first is None:
        return []
    problems = [
        f"{first.file} has no jet constituents, which models.{model} needs: "
        "leave it out of `models`"
        for model in needs.constituents
        if not first.features.constituents
    ]
    if first.features.constituents and not first.features.charges:
        problems += [
            f"{first.file} has no charges of constituents: {column} of {', '.join(keys)} needs"
            " them, name other features of particles"
            for column, keys in needs.columns.items()
            if column in ("pf_charge", "pf_pdgId")
        ]
    problems += _lacking_weights(files, block, needs)
    there = first.features.observables()
    problems += [
        f"{first.file} has no {one.needs}: {one.name} of {', '.join(needs.columns[one.name])} "
        "needs it, name another column"
        for one in ingested()
        if one.name in needs.columns and one.name not in there
    ]
    have = {"rho": first.features.rho is not None, "area": first.features.area}
    have |= {"raw_factor": first.features.raw, "gen_pt": first.features.generator_jets}
    have |= dict.fromkeys((*first.features.embedded, *first.features.layers), True)
    problems += [
        f"{first.file} has no {branch}: {column} of {', '.join(needs.columns[column])} needs it, "
        "name another column"
        for column, branch in OPTIONAL.items()
        if column in needs.columns and not have.get(column)
    ]
    for what, there, branches, prefix in (
        ("impact parameters", first.features.tracks, IMPACT, "pf_"),
        ("secondary vertices", first.features.vertices, VERTICES, "sv_"),
    ):
        wanted = (prefix + branch.partition("_")[2] for branch in branches)
        problems += [
            f"{first.file} has no {what} ({branches[0]}, ...): {column} of "
            f"{', '.join(needs.columns[column])} needs them, name another column"
            for column in wanted
            if column in needs.columns and not there
        ]
    return problems


def _lacking_weights(files: list[Checked], block: FileSample, needs: Needs) -> list[str]:
    """Columns of weights that systematics use, and the first file that lacks some of them."""
    declared = relative_columns(block.weights) if isinstance(block, RootSample) else []
    lacking: dict[str, dict[str, list[str]]] = {}
    for one in files:
        if not one.events or one.features is None or one.bad is not None:
            continue
        there = {*declared, *one.features.theory()}
        for column, systematic in needs.weights.items():
            if column not in there:
                lacking.setdefault(systematic, {}).setdefault(one.file, []).append(column)
    problems = []
    for systematic, found in lacking.items():
        file, names = next(iter(found.items()))
        others = f" (nor {some(list(found)[1:])})" if len(found) > 1 else ""
        own = next(one for one in files if one.file == file)
        strong = own.features is not None and ALPHA_S[0] in own.features.theory()
        hint = f" (alpha_s is {', '.join(ALPHA_S)}: a systematic of its own)" if strong else ""
        problems.append(
            f"{file} has no weights {', '.join(names)}{hint}{others}, which systematic "
            f"{systematic} needs: give it the `samples` that have them"
        )
    return problems


def _notes_of(files: list[Checked], block: FileSample, skip: bool) -> list[str]:
    """What is off in a sample, and what is left out."""
    notes: dict[str, None] = {}
    for one in files:
        notes |= dict.fromkeys(one.features.notes if one.features else [])
    read = [one for one in files if one.events and one.features is not None and one.bad is None]
    notes |= dict.fromkeys(in_some_files({one.file: one.features.weights for one in read}))
    bad = [one for one in files if one.bad is not None] if skip else []
    if dropped := sum(one.bad_events for one in files):
        first = next(one.first_bad for one in files if one.bad_events)
        notes[
            f"{dropped} bad events among the first {theory.FIRST} of each file will be left out"
            f" (`on_bad_event: drop`); the first one: {first}"
        ] = None
    skipped = [f"skipped {one.file}: {one.bad}" for one in bad]
    fixed = None
    if isinstance(block, RootSample) and block.normalised_to is not None:
        fixed = "normalised_to"
        notes[is_final(block.normalised_to)] = None
    elif isinstance(block, RootSample) and block.before_skim and block.before_skim.sumw is not None:
        fixed = "before_skim.sumw"
        notes[is_scaled(block.before_skim.sumw)] = None
    result = [consequence(len(bad), len(files), is_data(block), fixed)] if bad else []
    return [*notes, *skipped, *result]
