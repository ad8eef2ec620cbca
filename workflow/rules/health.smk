"""Health check of systematic effects: table, plot, and an error at the end where it is asked for."""


rule health:
    """Flag effects that are not finite, zero, too large, one-sided, alternating or noise."""
    input:
        all_templates(),
    output:
        figures=at(paths.HEALTH),
        table=report(at(paths.HEALTH_TABLE), caption=caption("health"), category="Systematics"),
    log:
        log_of(paths.HEALTH),
    benchmark:
        benchmark_of(paths.HEALTH)
    # Before the fit, which a template that is not finite ends.
    priority: 1
    group:
        cluster_group("results")
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(1000),
        runtime=attempt_scaled(15),
    params:
        config=as_json(CONFIG.infer.model_dump(include={"signal", "bin_error_max"})),
        systematics=checked_systematics(),
        data=data_options(),
    message:
        "Checking the systematic effects"
    shell:
        'python "$BOOSTFLOW_SCRIPTS"/health.py --templates {input:q} --output {output.figures:q}'
        " --table {output.table:q} --config {params.config:q} --systematics {params.systematics:q}"
        " {params.data:q} > {log:q} 2>&1"


rule plot_health:
    """Draw all effects and their flags."""
    input:
        at(paths.HEALTH),
    output:
        report(
            at(paths.HEALTH_PLOT),
            caption=caption("health_plot"),
            category="Systematics",
            labels={"plot": "health"},
        ),
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
        titles=systematic_titles(),
        label=plot_label(),
    message:
        "Drawing the systematic effects"
    shell:
        'python "$BOOSTFLOW_SCRIPTS"/plot_health.py --health {input:q} --output {output:q}'
        " --titles {params.titles:q} --label {params.label:q} > {log:q} 2>&1"


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
        forbidden=CONFIG.infer.forbidden(),
    message:
        "Demanding healthy systematic effects"
    shell:
        'python "$BOOSTFLOW_SCRIPTS"/demand_health.py --health {input.health:q}'
        " --forbidden {params.forbidden} > {log:q} 2>&1"
