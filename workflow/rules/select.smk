"""Selection: shifts, object and event cuts, cutflow, split, weights."""


def ingested(pattern):
    """A function of wildcards: the ingested parts of a sample."""

    def files(wildcards):
        variation = VARIATIONS.resolve(
            "ingest", wildcards.variation, sample=wildcards.sample
        )
        return expand_at(
            pattern,
            variation=variation,
            sample=wildcards.sample,
            part=parts(wildcards.sample),
        )

    return files


def shift_of(variation):
    """The declared shift of a variation, or None."""
    declared = VARIATIONS.by_name.get(variation)
    return declared if declared and declared.declared.kind == "shift" else None


def corrections_file(wildcards):
    """The correctionlib file, where a shift reads it."""
    if shift_of(wildcards.variation) is None:
        return []
    return str(find(CONFIG.select.corrections, REPOSITORY))


def shift_options(wildcards):
    """The shift, where there is one."""
    variation = shift_of(wildcards.variation)
    if variation is None:
        return []
    shift = variation.declared.model_dump(
        mode="json", include={"kind", "correction", "quantity"}
    )
    return [
        "--shift",
        as_json(shift),
        "--direction",
        variation.direction,
        "--corrections",
        corrections_file(wildcards),
    ]


rule select:
    """Select the fat jets of one sample under one variation."""
    input:
        tables=ingested(paths.INGEST),
        metas=ingested(paths.INGEST_META),
        corrections=corrections_file,
    output:
        table=at(paths.SELECT),
        cutflow=at(paths.CUTFLOW),
    params:
        config=as_json(CONFIG.select.model_dump(mode="json", exclude={"corrections"})),
        shift=shift_options,
    log:
        log_of(paths.SELECT),
    benchmark:
        benchmark_of(paths.SELECT)
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(2000),
        runtime=attempt_scaled(30),
    message:
        "Selecting {wildcards.sample} ({wildcards.variation})"
    shell:
        "python {SCRIPTS}/select_jets.py --input {input.tables:q} --meta {input.metas:q}"
        " --output {output.table:q} --cutflow {output.cutflow:q} --sample {wildcards.sample}"
        " --variation {wildcards.variation} --config {params.config:q} {params.shift:q}"
        " > {log:q} 2>&1"
