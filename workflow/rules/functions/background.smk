"""Functions that only the rules of background.smk use; Snakemake wants no rules beside them."""


def background_jets(wildcards):
    """The selected jets of all simulated samples."""
    return ANALYSIS.selected(wildcards.variation, ANALYSIS.simulated())


def background_scores(wildcards):
    """The score tables of the models that the background estimates read."""
    return [ANALYSIS.scored(model, wildcards.variation) for model in BACKGROUND_MODELS]


def counted_data():
    """The samples that the data are counted from: simulated ones, or collision data."""
    observed = CONFIG.background.data == "observed"
    return ANALYSIS.data() if observed else ANALYSIS.simulated()


def all_counts():
    """The counts of nominal and of the systematics that the composition takes into account."""
    block = CONFIG.background.composition
    wanted = block.systematics if block else []
    by_name = ANALYSIS.variations.by_name
    names = [name for name, varied in by_name.items() if varied.systematic in wanted]
    return ANALYSIS.each(paths.BACKGROUND_COUNTS, variation=[NOMINAL, *names])


def transferred_to():
    """The templates of the fit, to whose regions control regions are transferred."""
    needed = CONFIG.has_fit and CONFIG.background.control
    return [at(paths.TEMPLATES, variation=NOMINAL)] if needed else []


def abcd_workspace():
    """The likelihood of the ABCD estimate."""
    return [at(paths.BACKGROUND_WORKSPACE)] if CONFIG.background.abcd else []
