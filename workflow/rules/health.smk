"""Health check of systematic effects: table, plot, and an error at the end where it is asked for."""

from boostflow.jobs.statistics import DemandHealth, Health, PlotHealth


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


rule demand_health:
    """End with an error if effects have flags that infer.strict does not allow: last of all."""
    input:
        health=at(paths.HEALTH),
        last=at(paths.PROVENANCE),
    output:
        touch(at(paths.HEALTHY)),
    log:
        log_of(paths.HEALTHY),
    # Not in a group: its failure would take the results along.
    localrule: True
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(1000),
        runtime=attempt_scaled(15),
    params:
        job=job(DemandHealth),
    message:
        "Demanding healthy systematic effects"
    shell:
        logged(DemandHealth)
