"""Inference: the pyhf workspace, the fit, its plots and tables."""

from boostflow.jobs.statistics import Crosscheck, FitTables, Infer, PlotFit


include: "functions/infer.smk"


rule infer:
    """Build the workspace and fit the signal strengths."""
    input:
        **fitted_files(),
    output:
        workspace=at(paths.WORKSPACE),
        fit=at(paths.FIT),
        yields=at(paths.YIELDS),
    log:
        log_of(paths.FIT),
    benchmark:
        benchmark_of(paths.FIT)
    priority: 1
    group:
        cluster_group("results")
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(2000),
        runtime=attempt_scaled(60),
    params:
        job=job(Infer),
    message:
        "Fitting the signal strengths"
    shell:
        logged(Infer)


rule crosscheck:
    """Compare the regions of another model with those of the analysis."""
    input:
        nominal=at(paths.TEMPLATES, variation=NOMINAL),
        instead=crosscheck_templates,
    output:
        figures=at(paths.CROSSCHECK),
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
        job=job(Crosscheck),
    message:
        "Comparing regions ({wildcards.systematic})"
    shell:
        logged(Crosscheck)


rule plot_fit:
    """Draw the measurement, regions, systematics, parameters, the likelihood and limits."""
    input:
        templates=targets.templates(ANALYSIS),
        fit=at(paths.FIT),
        yields=at(paths.YIELDS),
    output:
        measurement=shown(targets.fit_plots_of(ANALYSIS, "measurement"), "measurement", "Inference"),
        prefit=shown(targets.fit_plots_of(ANALYSIS, "prefit"), "prefit", "Inference"),
        postfit=shown(targets.fit_plots_of(ANALYSIS, "postfit"), "postfit", "Inference"),
        ranking=shown(targets.fit_plots_of(ANALYSIS, "ranking"), "ranking", "Inference"),
        breakdown=shown(targets.fit_plots_of(ANALYSIS, "breakdown"), "breakdown", "Inference"),
        correlation=shown(targets.fit_plots_of(ANALYSIS, "correlation"), "correlation", "Inference"),
        scan=shown(targets.fit_plots_of(ANALYSIS, "scan"), "scan", "Inference"),
        limit=shown(targets.fit_plots_of(ANALYSIS, "limit"), "limit", "Inference"),
        contours=shown(targets.fit_plots_of(ANALYSIS, "contour"), "contour", "Inference"),
        systematics=shown(targets.fit_plots_of(ANALYSIS, "systematic"), "systematic", "Systematics"),
        page=shown(targets.fit_page(ANALYSIS), "toggle", "Systematics", "compare all"),
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
        job=job(PlotFit),
    message:
        "Drawing the fit"
    shell:
        logged(PlotFit)


rule fit_tables:
    """Write the yields as tables, and a record for HEPData."""
    input:
        fit=at(paths.FIT),
        yields=at(paths.YIELDS),
    output:
        tables=shown(targets.yields_tables(ANALYSIS), "yields", "Inference"),
        hepdata=targets.hepdata(ANALYSIS),
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
        job=job(FitTables),
    message:
        "Writing the tables of the fit"
    shell:
        logged(FitTables)
