"""Health check of systematic effects: table and plot."""

from boostflow.jobs.statistics import Health, PlotHealth


rule health:
    """Flag effects that are not finite, zero, too large, one-sided, alternating or noise."""
    input:
        templates=targets.templates(ANALYSIS),
    output:
        figures=at(paths.HEALTH),
        table=shown(at(paths.HEALTH_TABLE), "health", "Systematics"),
    log:
        log_of(paths.HEALTH),
    benchmark:
        benchmark_of(paths.HEALTH)
    # Before the fit, which a template that is not finite ends.
    priority: 2
    group:
        cluster_group("results")
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(1000),
        runtime=attempt_scaled(15),
    params:
        job=job(Health),
    message:
        "Checking the systematic effects"
    shell:
        logged(Health)


rule plot_health:
    """Draw all effects and their flags."""
    input:
        health=at(paths.HEALTH),
    output:
        plot=shown(at(paths.HEALTH_PLOT), "health_plot", "Systematics"),
    log:
        log_of(paths.HEALTH_PLOT),
    benchmark:
        benchmark_of(paths.HEALTH_PLOT)
    group:
        cluster_group("results")
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(1000),
        runtime=attempt_scaled(15),
    params:
        job=job(PlotHealth),
    message:
        "Drawing the systematic effects"
    shell:
        logged(PlotHealth)
