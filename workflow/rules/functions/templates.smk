"""Functions that only the rules of templates.smk use; Snakemake wants no rules beside them."""


def template_jets(wildcards):
    """Selected jets of the samples that the templates of a variation hold."""
    samples = ANALYSIS.template_samples(wildcards.variation)
    return ANALYSIS.selected(wildcards.variation, samples)


def template_scores(wildcards):
    """The score tables of the models that the regions read."""
    models = ANALYSIS.region_models(wildcards.variation)
    return [ANALYSIS.scored(model, wildcards.variation) for model in models]
