"""Functions that only the rules of select.smk use; Snakemake wants no rules beside them."""


def ingested(pattern):
    """A function of wildcards: the ingested parts of a sample."""

    def files(wildcards):
        part = ANALYSIS.parts(wildcards.sample, wildcards.variation)
        return ANALYSIS.each(pattern.format(**wildcards, part="{part}"), part=part)

    return files


def listed_parts(wildcards):
    """The list of a sample's ingested parts."""
    sample = wildcards.sample
    variation = ANALYSIS.resolve("ingest", wildcards.variation, sample=sample)
    return at(paths.PARTS, variation=variation, sample=sample)


def others(wildcards):
    """Lists of the parts of other samples that this one depends on.

    Those of collision data whose events do not count again, or those with the same order of time.
    """
    names = [*ANALYSIS.data_before(wildcards.sample), *split_with(ANALYSIS, wildcards.sample)]
    return [at(paths.PARTS, variation=NOMINAL, sample=name) for name in names]


def corrections(wildcards):
    """The correctionlib file, where a shift or smearing reads it."""
    return corrections_of(ANALYSIS, wildcards.sample, wildcards.variation)


def veto(_wildcards):
    """The correctionlib file of the jet veto map, if there is one."""
    return veto_of(ANALYSIS)


def weights(wildcards):
    """The correctionlib files of the sample's weights."""
    return weight_files(ANALYSIS, wildcards.sample)
