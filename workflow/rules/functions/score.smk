"""Functions that only the rules of score.smk use; Snakemake wants no rules beside them."""


def trained_model(wildcards):
    """The folder of the trained model that scores."""
    return ANALYSIS.trained(wildcards.model, wildcards.variation)


def jets_to_score(wildcards):
    """The selected jets of all samples."""
    return ANALYSIS.selected(wildcards.variation)
