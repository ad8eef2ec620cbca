"""What the run comes to: cutflow plot, figures, table, record."""

from boostflow.jobs.summary import PlotCutflow, Provenance, Summary


include: "functions/summary.smk"


rule plot_cutflow:
    """Draw the cutflow of all samples."""
    input:
        cutflows=targets.cutflows(ANALYSIS),
    output:
        plot=shown(at(paths.CUTFLOW_PLOT), "cutflow", "Selection"),
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
        job=job(PlotCutflow),
    message:
        "Drawing the cutflow"
    shell:
        logged(PlotCutflow)


rule summary:
    """Collect the key figures: as JSON, as text, and as the page that the report opens with."""
    input:
        **targets.figures(ANALYSIS),
    output:
        summary=at(paths.SUMMARY),
        table=shown(at(paths.TABLE), "summary", "Summary", "key figures"),
        page=shown(at(paths.OVERVIEW), "overview", "Summary", "what was measured"),
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
        job=job(Summary),
    message:
        "Collecting the figures"
    shell:
        logged(Summary)


rule provenance:
    """Record what was run: resolved configuration, versions, seed, commit."""
    input:
        summary=at(paths.SUMMARY),
        plots=targets.plots(ANALYSIS),
        tables=targets.tables(ANALYSIS),
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
        job=job(Provenance),
    message:
        "Recording the provenance"
    shell:
        logged(Provenance)
