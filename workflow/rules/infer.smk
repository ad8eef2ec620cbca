"""Inference: the pyhf workspace, the fit, and its plots."""


rule infer:
    """Build the workspace and fit the signal strength."""
    input:
        all_templates(),
    output:
        workspace=at(paths.WORKSPACE),
        fit=at(paths.FIT),
    log:
        log_of(paths.FIT),
    benchmark:
        benchmark_of(paths.FIT)
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(2000),
        runtime=attempt_scaled(60),
    params:
        config=infer_block(),
        systematics=fitted_systematics(exclude={"title"}),
    message:
        "Fitting the signal strength"
    shell:
        'python "$BOOSTFLOW_SCRIPTS"/infer.py --templates {input:q} --workspace {output.workspace:q}'
        " --output {output.fit:q} --config {params.config:q}"
        " --systematics {params.systematics:q} > {log:q} 2>&1"


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
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(1000),
        runtime=attempt_scaled(15),
    params:
        config=infer_block(),
    message:
        "Comparing regions ({wildcards.systematic})"
    shell:
        'python "$BOOSTFLOW_SCRIPTS"/crosscheck.py --nominal {input.nominal:q}'
        " --instead {input.instead:q} --output {output:q} --config {params.config:q} > {log:q} 2>&1"


rule plot_fit:
    """Draw templates, systematics, ranking and breakdown."""
    input:
        templates=all_templates(),
        workspace=at(paths.WORKSPACE),
        fit=at(paths.FIT),
    output:
        prefit=report(fit_plots_of("prefit"), caption=caption("prefit"), category="Inference"),
        ranking=report(fit_plots_of("ranking"), caption=caption("ranking"), category="Inference"),
        breakdown=report(
            fit_plots_of("breakdown"), caption=caption("breakdown"), category="Inference"
        ),
        systematics=report(
            fit_plots_of("systematic"), caption=caption("systematic"), category="Systematics"
        ),
    log:
        log_of("plots/inference"),
    benchmark:
        benchmark_of("plots/inference")
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(2000),
        runtime=attempt_scaled(30),
    params:
        systematics=fitted_systematics(),
        label=plot_label(),
    message:
        "Drawing the fit"
    shell:
        'python "$BOOSTFLOW_SCRIPTS"/plot_fit.py --templates {input.templates:q} --workspace {input.workspace:q}'
        ' --fit {input.fit:q} --output "$(dirname {output.ranking:q})"'
        " --systematics {params.systematics:q} --label {params.label:q} > {log:q} 2>&1"
