"""Functions that only the rules of infer.smk use; Snakemake wants no rules beside them."""


def pseudo_templates():
    """The templates that pseudo-data are drawn from, where they are fitted."""
    return [at(paths.PSEUDO)] if CONFIG.infer.data == "pseudo" else []


def fit_controls():
    """The scale factors of control regions, where they enter the fit."""
    entering = CONFIG.background and CONFIG.background.entering()
    return [at(paths.BACKGROUND)] if entering else []


def crosscheck_templates(wildcards):
    """The templates of the regions that a cross-check puts in the place of the fitted ones."""
    names = ANALYSIS.variations.crosschecks()
    return at(paths.TEMPLATES, variation=names[wildcards.systematic])
