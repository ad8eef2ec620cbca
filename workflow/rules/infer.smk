"""Inference: the pyhf workspace, the fit, its plots and tables."""


rule infer:
    """Build the workspace and fit the signal strength."""
    input:
        templates=all_templates(),
        pseudo=pseudo_templates(),
        controls=fit_controls(),
    output:
        workspace=at(paths.WORKSPACE),
        fit=at(paths.FIT),
        yields=at(paths.YIELDS),
    log:
        log_of(paths.FIT),
    benchmark:
        benchmark_of(paths.FIT)
    group:
        cluster_group("results")
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(2000),
        runtime=attempt_scaled(60),
    params:
        config=infer_block(),
        systematics=fitted_systematics(exclude={"title"}),
        options=infer_options(),
        controls=control_options(),
    message:
        "Fitting the signal strength"
    shell:
        'python "$BOOSTFLOW_SCRIPTS"/infer.py --templates {input.templates:q} --workspace {output.workspace:q}'
        " --output {output.fit:q} --yields {output.yields:q} --config {params.config:q}"
        " --systematics {params.systematics:q} {params.options:q} {params.controls:q} > {log:q} 2>&1"


rule crosscheck:
    """Compare the regions of another model with those of the analysis."""
    input:
        nominal=at(paths.TEMPLATES).format(variation=NOMINAL),
        instead=crosscheck_templates,
    output:
        at(paths.CROSSCHECK),
    log:
        log_of(paths.CROSSCHECK),
    benchmark:
        benchmark_of(paths.CROSSCHECK)
    group:
        cluster_group("results")
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(1000),
        runtime=attempt_scaled(15),
    params:
        config=infer_block(),
        data=data_options(),
    message:
        "Comparing regions ({wildcards.systematic})"
    shell:
        'python "$BOOSTFLOW_SCRIPTS"/crosscheck.py --nominal {input.nominal:q}'
        " --instead {input.instead:q} --output {output:q} --config {params.config:q} {params.data:q}"
        " > {log:q} 2>&1"


rule plot_fit:
    """Draw regions, systematics, ranking, breakdown, correlations, scan and limit."""
    input:
        templates=all_templates(),
        fit=at(paths.FIT),
        yields=at(paths.YIELDS),
    output:
        prefit=report(fit_plots_of("prefit"), caption=caption("prefit"), category="Inference"),
        postfit=report(fit_plots_of("postfit"), caption=caption("postfit"), category="Inference"),
        ranking=report(fit_plots_of("ranking"), caption=caption("ranking"), category="Inference"),
        breakdown=report(
            fit_plots_of("breakdown"), caption=caption("breakdown"), category="Inference"
        ),
        correlation=report(
            fit_plots_of("correlation"), caption=caption("correlation"), category="Inference"
        ),
        scan=report(fit_plots_of("scan"), caption=caption("scan"), category="Inference"),
        limit=report(fit_plots_of("limit"), caption=caption("limit"), category="Inference"),
        systematics=report(
            fit_plots_of("systematic"), caption=caption("systematic"), category="Systematics"
        ),
    log:
        log_of("plots/inference"),
    benchmark:
        benchmark_of("plots/inference")
    group:
        cluster_group("results")
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(2000),
        runtime=attempt_scaled(30),
    params:
        systematics=fitted_systematics(),
        label=plot_label(),
        data=data_options(),
    message:
        "Drawing the fit"
    shell:
        'python "$BOOSTFLOW_SCRIPTS"/plot_fit.py --templates {input.templates:q} --fit {input.fit:q}'
        ' --yields {input.yields:q} --output "$(dirname {output.ranking:q})"'
        " --systematics {params.systematics:q} --label {params.label:q} {params.data:q}"
        " > {log:q} 2>&1"


rule fit_tables:
    """Write the yields as tables, and a record for HEPData."""
    input:
        fit=at(paths.FIT),
        yields=at(paths.YIELDS),
    output:
        yields=report(yields_tables(), caption=caption("yields"), category="Inference"),
        hepdata=hepdata_files(),
    log:
        log_of("inference/tables"),
    benchmark:
        benchmark_of("inference/tables")
    group:
        cluster_group("results")
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(1000),
        runtime=attempt_scaled(15),
    params:
        systematics=fitted_systematics(),
        energy=CONFIG.simulation.ecm,
    message:
        "Writing the tables of the fit"
    shell:
        'python "$BOOSTFLOW_SCRIPTS"/fit_tables.py --fit {input.fit:q} --yields {input.yields:q}'
        ' --output "$(dirname {output.yields[0]:q})" --hepdata "$(dirname {output.hepdata[0]:q})"'
        " --systematics {params.systematics:q} --energy {params.energy} > {log:q} 2>&1"
