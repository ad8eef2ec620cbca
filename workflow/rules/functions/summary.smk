"""Functions that only the rules of summary.smk use; Snakemake wants no rules beside them."""


def show_table():
    """Print the figures, if this run has made them."""
    table = Path(at(paths.TABLE))
    if table.is_file() and table.stat().st_mtime > STARTED:
        print(table.read_text(encoding="utf-8"))
