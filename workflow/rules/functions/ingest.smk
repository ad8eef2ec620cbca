"""Functions that only the rules of ingest.smk use; Snakemake wants no rules beside them."""


def source(wildcards):
    """The file of a part, where Snakemake can look at it; an address is part of the job."""
    file = ANALYSIS.source(wildcards.sample, int(wildcards.part), wildcards.variation)
    return [] if is_remote(file) else file


def beside(wildcards):
    """Files that are read together with the file of a part."""
    file = ANALYSIS.source(wildcards.sample, int(wildcards.part), wildcards.variation)
    return ANALYSIS.beside(wildcards.sample, file)


def checked(wildcards):
    """What the check says of a part's file."""
    found = ANALYSIS.checked_by(wildcards.sample, int(wildcards.part))
    return ancient(found) if found else []


def golden_json(wildcards):
    """The certified luminosity blocks, where the sample names some."""
    return golden_jsons(ANALYSIS, wildcards.sample)


def sums(wildcards):
    """The text file of sums of weights before a skim, where the sample names one."""
    return ANALYSIS.sums_files(wildcards.sample)
