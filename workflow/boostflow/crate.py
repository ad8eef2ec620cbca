"""A finished run as an RO-Crate: results, inputs, configuration and versions, for archives.

The profile is Workflow Run Crate 0.5 (https://w3id.org/ro/wfrun/workflow/0.5) on RO-Crate 1.1: a
`CreateAction` with the workflow as its instrument, what went in as its objects, and what came out
as its results. Jets and scores stay where they are: what a crate holds fits into an archive of
records, and the rest can be made again from it.
"""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import TYPE_CHECKING, Any

from boostflow import paths
from boostflow.errors import BoostflowError
from boostflow.io import atomic, read_json
from boostflow.results import Results

if TYPE_CHECKING:
    from rocrate.rocrate import ROCrate

PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
}
"""Profiles that a crate conforms to beside that of workflows."""
CONFIGURATION = {
    paths.CONFIG: "The whole configuration",
    paths.SYSTEMATICS: "The systematic uncertainties",
}
"""Files that a run was told by, with what they are."""
RECORDS = {
    paths.PROVENANCE: "Versions, seed and commit",
    paths.SUMMARY: "Key figures",
    paths.TABLE: "Key figures as a table",
    paths.OVERVIEW: "What was measured, as a page",
    "report.html": "Report with all plots",
    paths.CHECK: "Input files",
    paths.COMPARISON: "Comparison of models",
}
"""Files of the results by what they are; those that there are go into the crate."""
FOLDERS = ("inference", "evaluation", "templates", "background", "plots", "models", "logs")
"""Folders of the results whose files go into the crate."""
WORKFLOW = Path(__file__).resolve().parents[1]


def run(folder: Path, to: Path | None = None) -> Path:
    """Write the crate of a finished run, and return where.

    Args:
        folder: of the results.
        to: folder of the crate; None for one in the results. It is replaced.

    Raises:
        BoostflowError: as `boostflow.open`; or the new folder would lie in what goes into it.
    """
    results = Results(folder)
    to = folder / paths.CRATE if to is None else to
    inside = to.resolve()
    if inside == folder.resolve() or any(
        (folder / name).resolve() in (inside, *inside.parents) for name in FOLDERS
    ):
        raise BoostflowError(f"{to}: holds results that go into the crate; name another folder")
    crate = described(results)
    with atomic(to) as part:
        crate.write(part)
    return to


def described(results: Results) -> ROCrate:
    """The crate of a finished run, which `write` or `write_zip` writes."""
    from rocrate.model import ContextEntity
    from rocrate.rocrate import ROCrate

    record = results.record
    crate = ROCrate(version="1.1")
    crate.name = f"boostflow run {record.get('config_hash', '')}".strip()
    crate.description = _summary(results)
    terms = "The workflow is under BSD-3-Clause, results are as their owners say"
    crate.license = crate.add(
        ContextEntity(crate, "#license", {"@type": "CreativeWork", "name": terms})
    )
    workflow = crate.add_workflow(
        WORKFLOW / "Snakefile",
        "workflow/Snakefile",
        main=True,
        lang="snakemake",
        lang_version=record.get("versions", {}).get("snakemake"),
        properties={
            "name": "boostflow",
            "version": f"{record.get('boostflow')}, commit {record.get('commit')}",
        },
    )
    crate.add_directory(WORKFLOW / "rules", "workflow/rules", properties={"name": "rules"})
    programs = [
        crate.add(
            ContextEntity(
                crate,
                f"#{name}-{version}",
                {"@type": "SoftwareApplication", "name": name, "softwareVersion": version},
            )
        )
        for name, version in {"python": record.get("python"), **record.get("versions", {})}.items()
    ]
    workflow["softwareRequirements"] = programs
    profiles = [
        crate.add(
            ContextEntity(
                crate,
                address,
                {"@type": "CreativeWork", "name": name, "version": address.rpartition("/")[2]},
            )
        )
        for address, name in PROFILES.items()
    ]
    known = crate.root_dataset.get("conformsTo", [])
    crate.root_dataset["conformsTo"] = [*profiles, *(known if isinstance(known, list) else [known])]
    objects = [_file(crate, results.folder, name, text) for name, text in CONFIGURATION.items()]
    objects += [
        crate.add(ContextEntity(crate, _address(file), {"@type": "File", "name": file}))
        for file in _inputs(results)
    ]
    outcome = [
        _file(crate, results.folder, name, text)
        for name, text in RECORDS.items()
        if (results.folder / name).is_file()
    ]
    for part in FOLDERS:
        for path in sorted((results.folder / part).rglob("*")):
            name = str(path.relative_to(results.folder))
            if path.is_file() and not any(word.startswith(".") for word in Path(name).parts):
                outcome.append(_file(crate, results.folder, name, path.stem.replace("_", " ")))
    action = crate.add_action(
        workflow,
        identifier="#run",
        object=objects,
        result=outcome,
        properties={
            "name": "Run of boostflow",
            "endTime": record.get("finished"),
            "actionStatus": "http://schema.org/CompletedActionStatus",
            "description": f"seed {record.get('seed')}, on {record.get('machine')}",
        },
    )
    crate.root_dataset["mentions"] = [action]
    return crate


def _summary(results: Results) -> str:
    """A sentence on what was measured."""
    found = results.summary.get("fit", {}).get("pois", {})
    text = ". ".join(result["text"] for result in found.values())
    return text or f"Samples {', '.join(results.samples)}, without a fit"


def _file(crate: ROCrate, folder: Path, name: str, text: str) -> Any:
    """A file of the results in a crate."""
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    properties = {"name": text, "encodingFormat": kind}
    return crate.add_file(folder / name, name, properties=properties, record_size=True)


def _inputs(results: Results) -> list[str]:
    """Files and addresses that the run has read; none of a run that simulates."""
    check = results.folder / paths.CHECK
    if not check.is_file():
        return []
    samples = read_json(check).get("samples", {})
    return list(dict.fromkeys(entry["file"] for files in samples.values() for entry in files))


def _address(file: str) -> str:
    """The identifier of a file that is not in the crate."""
    return file if "://" in file else Path(file).absolute().as_uri()
