"""Functions that only the rules of evaluate.smk use; Snakemake wants no rules beside them."""


def evaluated_jets(wildcards):
    """Jets of the samples that have a class; for a clustering of events, of its samples."""
    block = CONFIG.models[wildcards.model]
    of_events = block.scored_unit() == "event"
    return ANALYSIS.selected(
        NOMINAL, CONFIG.trained_on(block) if of_events else ANALYSIS.labelled()
    )


def background_beside(wildcards):
    """Jets of samples without a class that the scores of a model are decorrelated with."""
    found = CONFIG.beside(CONFIG.models[wildcards.model])
    return ANALYSIS.selected(NOMINAL, [name for name in found if name not in ANALYSIS.labelled()])


def varied_jets(wildcards):
    """Nominal jets and those of the variations that differ, each file once."""
    variations = ANALYSIS.evaluated_variations(wildcards.model)
    found = (ANALYSIS.selected(variation, ANALYSIS.labelled()) for variation in variations)
    return list(dict.fromkeys(file for files in found for file in files))


def varied_scores(wildcards):
    """Nominal scores and those of the variations that differ, each file once."""
    variations = ANALYSIS.evaluated_variations(wildcards.model)
    return list(dict.fromkeys(ANALYSIS.scored(wildcards.model, v) for v in variations))


def model_plot(name, plot):
    """The file of a plot of a model; the report's text of a family's own stands in its folder."""
    text = ANALYSIS.caption(name, plot) or caption(plot)
    labels = {"plot": plot}
    path = at(paths.MODEL_PLOT, plot=plot)
    return report(path, caption=text, category="Models", subcategory="{model}", labels=labels)


def resources_plot():
    """The plot of accuracy against resources, where a classifier is logic for an FPGA."""
    if not ANALYSIS.in_logic():
        return []
    path, labels = at(paths.RESOURCES_PLOT), {"plot": "resources"}
    text = caption("resources")
    return report(path, caption=text, category="Models", labels=labels)
