"""Selection: shifts, object and event cuts, cutflow, split, weights."""

from boostflow.jobs.chain import ListParts, Select, corrections_of, weight_files


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


def corrections(wildcards):
    """The correctionlib file, where a shift or smearing reads it."""
    return corrections_of(ANALYSIS, wildcards.sample, wildcards.variation) or []


def weights(wildcards):
    """The correctionlib files of the sample's weights."""
    return weight_files(ANALYSIS, wildcards.sample)


rule list_parts:
    """List the ingested parts of a sample: what all variations of its selection read."""
    input:
        tables=ingested(paths.INGEST),
        metas=ingested(paths.INGEST_META),
    output:
        parts=at(paths.PARTS),
    log:
        log_of(paths.PARTS),
    group:
        variation_group("select")
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(500),
        runtime=attempt_scaled(5),
    params:
        job=job(ListParts),
    message:
        "Listing the parts of {wildcards.sample} ({wildcards.variation})"
    shell:
        logged(ListParts)


rule select:
    """Select the fat jets of one sample under one variation."""
    input:
        parts=listed_parts,
        corrections=corrections,
        weights=weights,
    output:
        table=at(paths.SELECT),
        cutflow=at(paths.CUTFLOW),
    log:
        log_of(paths.SELECT),
    benchmark:
        benchmark_of(paths.SELECT)
    group:
        variation_group("select")
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(2000),
        runtime=attempt_scaled(30),
    params:
        job=job(Select),
    message:
        "Selecting {wildcards.sample} ({wildcards.variation})"
    shell:
        logged(Select)
