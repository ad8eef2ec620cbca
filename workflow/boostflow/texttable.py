"""Tables as plain text, for terminals and reports."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Literal


class Text:
    """Lines and tables of at most `width` columns, without colours."""

    def __init__(self, width: int = 100) -> None:
        from rich.console import Console

        # Names of files are no markup: `a [b].root` would lose its brackets, `:cat:` become a cat.
        self._console = Console(
            file=io.StringIO(), width=width, color_system=None, markup=False, emoji=False
        )

    def line(self, text: str) -> None:
        """Write one paragraph of text."""
        self._console.print(text, soft_wrap=False, highlight=False)

    def grid(
        self,
        title: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[str]],
        right: Sequence[int] | None = None,
    ) -> None:
        """A table, or nothing without rows.

        Args:
            title: above it.
            columns: their titles.
            rows: cells.
            right: columns of numbers; null for all but the first where there are more than three.
        """
        from rich import box
        from rich.table import Table

        if not rows:
            return
        if right is None:
            right = range(1, len(columns)) if len(columns) > 3 else ()
        grid = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
        for i, column in enumerate(columns):
            # What is too long goes on in the next line; it would be cut.
            justify: Literal["left", "right"] = "right" if i in right else "left"
            grid.add_column(column, justify=justify, overflow="fold")
        for row in rows:
            grid.add_row(*row)
        self._console.print(grid)

    def text(self) -> str:
        """What has been written."""
        lines = self._console.file.getvalue().splitlines()
        return "\n".join(line.rstrip() for line in lines).strip("\n") + "\n"
