"""Ingestion: ROOT files (with coffea) and files of public sets -> tables of fat jets."""


rule ingest:
    """Read one part: loose preselection, observables, truth labels, weights."""
    input:
        file=ingest_input,
        beside=ingest_beside,
        checked=checked,
        golden_json=golden_json,
    output:
        table=at(paths.INGEST),
        meta=at(paths.INGEST_META),
    log:
        log_of(paths.INGEST),
    benchmark:
        benchmark_of(paths.INGEST)
    group:
        cluster_group("parts")
    conda:
        ENVIRONMENT
    threads: CONFIG.ingest.processes()
    resources:
        mem_mb=attempt_scaled(2000),
        runtime=attempt_scaled(60),
    params:
        address=ingest_address,
        config=as_json(CONFIG.ingest.model_dump(mode="json", exclude=EXECUTION)),
        radius=CONFIG.simulation.jet_radius,
        options=ingest_options,
        checked=checked_option,
    message:
        "Ingesting {wildcards.sample} ({wildcards.variation}), part {wildcards.part}"
    shell:
        'python "$BOOSTFLOW_SCRIPTS"/ingest.py --input {input.file:q} {params.address:q}'
        " --output {output.table:q} --meta {output.meta:q} --config {params.config:q}"
        ' --execution "$BOOSTFLOW_EXECUTION" --radius {params.radius}'
        " {params.options:q} {params.checked:q} {input.checked:q} > {log:q} 2>&1"
