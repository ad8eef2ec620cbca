"""Anomaly detection: all clusterings of events together. Only there if there is one."""

from boostflow.jobs.models import CompareEvents


rule anomaly:
    """Enrichment of the signal against the number of clusters."""
    input:
        evaluations=targets.event_evaluations(ANALYSIS),
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
        job=job(CompareEvents),
    message:
        "Comparing the clusterings of events"
    shell:
        logged(CompareEvents)
