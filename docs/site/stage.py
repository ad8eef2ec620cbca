"""Puts the pages of the documentation together, for MkDocs: `make docs`.

Every Markdown file of the repository keeps its place, so that its links hold here and where the
repository is read; files that pages link to lie beside them. The reference is made from the types.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from boostflow.config.config import Config
from boostflow.models.family import families
from boostflow.observables.definitions import OBSERVABLES

REPOSITORY = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\]\(([^)#\s]+)(#[^)\s]*)?\)")
DIAGRAM = re.compile(r"^```mermaid\n.*?^```\n", re.MULTILINE | re.DOTALL)
COMMANDS = ("check", "variations", "observables", "submit", "status", "stop", "compress")
MORE_COMMANDS = ("decompress", "datacard", "crate", "explain")
"""What users ask of `boostflow`; the rest are stages, which rules call."""


def main(folder: Path) -> None:
    """Write all pages into a folder, which is emptied first."""
    shutil.rmtree(folder, ignore_errors=True)
    for page in tracked("*.md"):
        if page.parts[0] in ("tests", "benchmarks"):
            continue
        put(folder / page, staged((REPOSITORY / page).read_text(), page, folder))
    reference = {
        "configuration": configuration(),
        "families": of_families(),
        "observables": observables(),
        "commands": commands(),
    }
    put(folder / "site.css", (Path(__file__).parent / "site.css").read_text())
    for name, text in reference.items():
        put(folder / "reference" / f"{name}.md", text)


def tracked(pattern: str) -> list[Path]:
    """Files of the repository that git knows, relative to its root."""
    asked = ["git", "ls-files", "--cached", "--others", "--exclude-standard", pattern]
    found = subprocess.run(asked, cwd=REPOSITORY, check=True, capture_output=True, text=True)
    return [Path(line) for line in found.stdout.splitlines()]


def put(path: Path, text: str) -> None:
    """Write a text, with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def staged(text: str, page: Path, folder: Path) -> str:
    """A page whose links stay within the site.

    What it links to is put beside it; a folder becomes a page that lists it. Diagrams that a
    browser would need a script from elsewhere for are left out.

    Args:
        text: of the page.
        page: its path in the repository.
        folder: of the site's pages.
    """

    def follow(link: re.Match[str]) -> str:
        target, anchor = link[1], link[2] or ""
        if "://" in target or target.startswith("mailto:"):
            return link[0]
        there = (REPOSITORY / page.parent / target).resolve()
        if not there.is_relative_to(REPOSITORY) or not there.exists():
            return link[0]  # MkDocs says that it leads nowhere
        if there.is_dir():
            name = "README.md" if (there / "README.md").exists() else "files.md"
            if name == "files.md":
                listed(there, folder / there.relative_to(REPOSITORY))
            return f"]({target.rstrip('/')}/{name}{anchor})"
        if there.suffix != ".md":
            copy = folder / there.relative_to(REPOSITORY)
            copy.parent.mkdir(parents=True, exist_ok=True)
            # Files without a suffix, and code, are shown as text.
            shown = there.suffix in (".png", ".ipynb", ".yaml", ".json")
            copy = copy if shown else copy.with_name(f"{copy.name}.txt")
            shutil.copyfile(there, copy)
            return f"]({target if shown else f'{target}.txt'}{anchor})"
        return link[0]

    return LINK.sub(follow, DIAGRAM.sub("", text))


def listed(there: Path, place: Path) -> None:
    """A page that shows the files of a folder."""
    lines = [f"# {there.relative_to(REPOSITORY)}\n"]
    for path in sorted(there.glob("*.yaml")):
        lines += [f"## {path.name}\n", "```yaml", path.read_text().rstrip(), "```\n"]
    put(place / "files.md", "\n".join(lines))


# --- reference ------------------------------------------------------------------------------------


def type_of(about: dict[str, Any]) -> str:
    """The type of a key in a few words, from its JSON schema."""
    if "$ref" in about:
        name = about["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "const" in about:
        return f"`{about['const']}`"
    if "enum" in about:
        return ", ".join(f"`{value}`" for value in about["enum"])
    for several in ("anyOf", "oneOf"):
        if several in about:
            return " or ".join(dict.fromkeys(type_of(one) for one in about[several]))
    kind = about.get("type", "any")
    if kind == "array" and isinstance(about.get("items"), dict):
        return f"list of {type_of(about['items'])}"
    if kind == "object" and isinstance(about.get("additionalProperties"), dict):
        return f"{type_of(about['additionalProperties'])} by name"
    return str(kind)


def cell(text: object) -> str:
    """Text for a cell of a table."""
    return " ".join(str(text).split()).replace("|", "\\|")


def table(properties: dict[str, Any]) -> Iterator[str]:
    """Lines of a table of keys."""
    yield from ("| key | type | default | what |", "|---|---|---|---|")
    for key, about in properties.items():
        default = f"`{cell(about['default'])}`" if "default" in about else ""
        if len(default) > 70:
            default = "see config/config.yaml"
        what = cell(about.get("description", ""))
        yield f"| `{key}` | {cell(type_of(about))} | {default} | {what} |"


def configuration() -> str:
    """All keys of the configuration, block by block."""
    schema = Config.model_json_schema()
    kinds = {family.block.__name__ for family in families().values()}
    lines = ["# Configuration\n", "Every block and key, from the types that check them.\n"]
    lines += ["## Top level\n", *table(schema["properties"]), ""]
    for name, about in sorted(schema["$defs"].items()):
        if "properties" in about and name not in kinds:
            lines += [f"## {name}\n", cell(about.get("description", "")), ""]
            lines += [*table(about["properties"]), ""]
    text = "\n".join(lines)
    # Blocks of families stand on their own page; types without keys have no place.
    there = {line[3:].strip().lower() for line in lines if line.startswith("## ")}

    def known(link: re.Match[str]) -> str:
        if link[2] in there:
            return link[0]
        if link[1] in kinds:
            return f"[{link[1]}](families.md#{link[2]})"
        return link[1]

    return re.sub(r"\[(\w+)\]\(#(\w+)\)", known, text)


def of_families() -> str:
    """All families of models with their keys."""
    lines = ["# Families of models\n", "What `kind` of a model may be, and the keys of each.\n"]
    for kind, family in families().items():
        schema = family.block.model_json_schema()
        lines += [f"## {family.block.__name__}\n"]
        task = family.block.model_construct().task()
        lines += [f"`kind: {kind}`, task {task}. {cell(family.block.__doc__)}\n"]
        lines += [re.sub(r"\[(\w+)\]\(#\w+\)", r"\1", line) for line in table(schema["properties"])]
        lines.append("")
    return "\n".join(lines)


def observables() -> str:
    """All observables."""
    lines = ["# Observables\n", "| name | title | unit | what |", "|---|---|---|---|"]
    for name, one in OBSERVABLES.items():
        what = (one.formula.__doc__ or "").partition("\n")[0]
        lines.append(f"| `{name}` | {cell(one.title)} | {cell(one.unit)} | {cell(what)} |")
    return "\n".join(lines)


def commands() -> str:
    """The targets of make, and what `boostflow` can be asked."""
    helped = printed(["make", "--no-print-directory", "help"])
    lines = ["# Commands\n", "## make\n", "```text", helped, "```\n"]
    for name in COMMANDS + MORE_COMMANDS:
        command = [str(Path(sys.executable).parent / "boostflow"), name, "--help"]
        lines += [f"## boostflow {name}\n", "```text", printed(command), "```\n"]
    return "\n".join(lines)


def printed(command: Iterable[str]) -> str:
    """What a command prints."""
    asked = list(command)
    done = subprocess.run(asked, cwd=REPOSITORY, check=True, capture_output=True, text=True)
    return done.stdout.rstrip()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
