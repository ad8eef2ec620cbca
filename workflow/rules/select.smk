"""Selection: shifts, object and event cuts, cutflow, split, weights."""


rule list_parts:
    """List the ingested parts of a sample: what all variations of its selection read."""
    input:
        tables=ingested(paths.INGEST),
        metas=ingested(paths.INGEST_META),
    output:
        at(paths.PARTS),
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
        folder=parts_folder,
        number=lambda wildcards, input: len(input.tables),
        skip=skip_option(),
    message:
        "Listing the parts of {wildcards.sample} ({wildcards.variation})"
    shell:
        'python "$BOOSTFLOW_SCRIPTS"/list_parts.py --folder {params.folder:q} --number {params.number}'
        " --output {output:q} {params.skip:q} > {log:q} 2>&1"


rule select:
    """Select the fat jets of one sample under one variation."""
    input:
        parts=listed_parts,
        corrections=corrections_file,
        weights=weight_files,
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
        config=as_json(CONFIG.select.model_dump(mode="json", exclude={"corrections"})),
        shift=shift_options,
        independent=independent_option,
        weights=weight_options,
    message:
        "Selecting {wildcards.sample} ({wildcards.variation})"
    shell:
        'python "$BOOSTFLOW_SCRIPTS"/select_jets.py --input {input.parts:q}'
        " --output {output.table:q} --cutflow {output.cutflow:q} --sample {wildcards.sample}"
        " --variation {wildcards.variation} --config {params.config:q} {params.shift:q} {params.independent}"
        " {params.weights:q}"
        " > {log:q} 2>&1"
