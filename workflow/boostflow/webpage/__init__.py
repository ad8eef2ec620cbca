"""Pages of HTML that are one file each, for the report: their frame, colours and heading.

A page is a template that extends `frame.html` of this package: it has the blocks `title`, `style`,
`main` and `script`, and may use the colours that are declared there, in light and dark.
"""

from __future__ import annotations

from boostflow.jobs.base import Label


def render(package: str, template: str, label: Label, **values: object) -> str:
    """The page as HTML.

    Args:
        package: that holds the template.
        template: its file.
        label: text above plots, whose right side is beside the title.
        values: what the template is filled with.
    """
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package, "."), PackageLoader(__name__, ".")]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    about = label.right.replace("fb$^{-1}$", "fb⁻¹")
    return environment.get_template(template).render(about=about, **values)
