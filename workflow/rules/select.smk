"""Selection: shifts, object and event cuts, cutflow, split, weights."""

from boostflow.jobs.chain import (
    ListParts,
    Select,
    corrections_of,
    split_with,
    veto_of,
    weight_files,
)


include: "functions/select.smk"


rule list_parts:
    """List the ingested parts of a sample: what all variations of its selection read."""
    input:
        tables=ingested(paths.INGEST),
        metas=ingested(paths.INGEST_META),
    output:
        parts=at(paths.PARTS),
    log:
        log_of(paths.PARTS),
    priority: by_variation(4, 1)
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
        others=others,
    output:
        table=at(paths.SELECT),
        cutflow=at(paths.CUTFLOW),
    log:
        log_of(paths.SELECT),
    benchmark:
        benchmark_of(paths.SELECT)
    priority: by_variation(4, 1)
    group:
        variation_group("select")
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(2000),
        runtime=attempt_scaled(30),
    params:
        job=job(Select),
        corrections=named(corrections),
        weights=named(weights),
        veto=named(veto),
    message:
        "Selecting {wildcards.sample} ({wildcards.variation})"
    shell:
        logged(Select)
