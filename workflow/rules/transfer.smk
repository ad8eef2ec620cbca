"""A background from data: tests of its functions, and their plots."""

from boostflow.jobs.transfer import CheckTransfer, PlotTransfer


rule check_transfer:
    """Test the functions of a background from data: F-tests, bias, closure, envelope."""
    input:
        **fitted_files(),
    output:
        figures=at(paths.TRANSFER),
    log:
        log_of(paths.TRANSFER),
    benchmark:
        benchmark_of(paths.TRANSFER)
    group:
        cluster_group("results")
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(2000),
        runtime=attempt_scaled(60),
    params:
        job=job(CheckTransfer),
    message:
        "Testing the background from data"
    shell:
        logged(CheckTransfer)


rule plot_transfer:
    """Draw the functions of a background from data, and the bias of the fit."""
    input:
        figures=at(paths.TRANSFER),
    output:
        plots=shown(targets.transfer_plots(ANALYSIS), "transfer", "Inference"),
    log:
        log_of("plots/transfer"),
    benchmark:
        benchmark_of("plots/transfer")
    group:
        cluster_group("results")
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(1000),
        runtime=attempt_scaled(15),
    params:
        job=job(PlotTransfer),
    message:
        "Drawing the background from data"
    shell:
        logged(PlotTransfer)
