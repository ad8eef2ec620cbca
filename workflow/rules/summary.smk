"""What the run comes to: cutflow plot, figures, table, record."""


rule plot_cutflow:
    """Draw the cutflow of all samples."""
    input:
        expand_at(paths.CUTFLOW, variation=NOMINAL, sample=SAMPLES),
    output:
        report(at(paths.CUTFLOW_PLOT), caption=caption("cutflow"), category="Selection"),
    log:
        log_of(paths.CUTFLOW_PLOT),
    benchmark:
        benchmark_of(paths.CUTFLOW_PLOT)
    group:
        cluster_group("results")
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(1000),
        runtime=attempt_scaled(15),
    params:
        label=energy_label(),
    message:
        "Drawing the cutflow"
    shell:
        'python "$BOOSTFLOW_SCRIPTS"/plot_cutflow.py --cutflow {input:q} --output {output:q}'
        " --label {params.label:q} > {log:q} 2>&1"


rule summary:
    """Collect the key figures."""
    input:
        summary_inputs(),
    output:
        summary=at(paths.SUMMARY),
        table=report(at(paths.TABLE), caption=caption("summary"), category="Summary"),
    log:
        log_of(paths.SUMMARY),
    benchmark:
        benchmark_of(paths.SUMMARY)
    group:
        cluster_group("results")
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(1000),
        runtime=attempt_scaled(15),
    params:
        options=summary_options(),
    message:
        "Collecting the figures"
    shell:
        'python "$BOOSTFLOW_SCRIPTS"/summary.py {params.options:q} --output {output.summary:q}'
        " --table {output.table:q} > {log:q} 2>&1"


rule provenance:
    """Record what was run: resolved configuration, versions, seed, commit."""
    input:
        at(paths.SUMMARY),
        all_plots(),
        all_tables(),
    output:
        record=at(paths.PROVENANCE),
        config=at(paths.CONFIG),
        systematics=at(paths.SYSTEMATICS),
    log:
        log_of(paths.PROVENANCE),
    group:
        cluster_group("results")
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(1000),
        runtime=attempt_scaled(15),
    params:
        config=as_json(CONFIG),
        declared=as_json(DECLARED),
    message:
        "Recording the provenance"
    shell:
        'python "$BOOSTFLOW_SCRIPTS"/provenance.py --config {params.config:q} --systematics {params.declared:q}'
        " --output {output.record:q} --resolved {output.config:q}"
        " --declared {output.systematics:q} > {log:q} 2>&1"
