"""Anomaly detection: all clusterings of events together. Only there if there is one."""


rule anomaly:
    """Enrichment of the signal against the number of clusters."""
    input:
        expand_at(paths.EVALUATION, model=CONFIG.event_models()),
    output:
        figures=at(paths.ANOMALY),
        plot=report(
            at(paths.ANOMALY_PLOT),
            caption=caption("anomaly"),
            category="Models",
            labels={"plot": "anomaly"},
        ),
    log:
        log_of(paths.ANOMALY_PLOT),
    benchmark:
        benchmark_of(paths.ANOMALY_PLOT)
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
        "Comparing the clusterings of events"
    shell:
        'python "$BOOSTFLOW_SCRIPTS"/anomaly.py --evaluation {input:q} --output {output.figures:q}'
        " --plot {output.plot:q} --label {params.label:q} > {log:q} 2>&1"
