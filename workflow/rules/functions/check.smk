"""Functions that only the rules of check.smk use; Snakemake wants no rules beside them."""


def unchecked():
    """What the check will say of files that it has not seen yet as they are."""
    return [ANALYSIS.next_check()] if ANALYSIS.unchecked else []
