"""Functions of the rules that build the workspace; Snakemake wants no rules beside them."""


def fitted_files():
    """Templates, those that pseudo-data are drawn from, and scale factors of control regions."""
    entering = CONFIG.background and CONFIG.background.entering()
    return {
        "templates": targets.templates(ANALYSIS),
        "pseudo": [at(paths.PSEUDO)] if CONFIG.infer.data == "pseudo" else [],
        "controls": [at(paths.BACKGROUND)] if entering else [],
    }


def crosscheck_templates(wildcards):
    """The templates of the regions that a cross-check puts in the place of the fitted ones."""
    names = ANALYSIS.variations.crosschecks()
    return at(paths.TEMPLATES, variation=names[wildcards.systematic])
