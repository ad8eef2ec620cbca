"""Background estimates from data. Only there if the configuration asks for them."""

from boostflow.jobs.background import Count, CountData, Estimate, PlotBackground


include: "functions/background.smk"


BACKGROUND_MODELS = sorted(CONFIG.background.models())


rule background_counts:
    """Count the simulated events in the regions of the estimates."""
    input:
        jets=background_jets,
        scores=background_scores,
    output:
        counts=at(paths.BACKGROUND_COUNTS),
    log:
        log_of(paths.BACKGROUND_COUNTS),
    benchmark:
        benchmark_of(paths.BACKGROUND_COUNTS)
    group:
        variation_group("nominal")
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(2000),
        runtime=attempt_scaled(30),
    params:
        job=job(Count),
    message:
        "Counting events for background estimates ({wildcards.variation})"
    shell:
        logged(Count)


rule background_data:
    """Count the events of the pseudo-data or of collision data in the same regions."""
    input:
        jets=ANALYSIS.selected(NOMINAL, counted_data()),
        scores=[ANALYSIS.scored(model, NOMINAL) for model in BACKGROUND_MODELS],
    output:
        counts=at(paths.BACKGROUND_DATA),
    log:
        log_of(paths.BACKGROUND_DATA),
    benchmark:
        benchmark_of(paths.BACKGROUND_DATA)
    group:
        cluster_group("nominal")
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(2000),
        runtime=attempt_scaled(30),
    params:
        job=job(CountData),
    message:
        "Counting events of the data for background estimates"
    shell:
        logged(CountData)


rule background:
    """Estimate backgrounds from the data."""
    input:
        counts=all_counts(),
        data=at(paths.BACKGROUND_DATA),
        templates=transferred_to(),
    output:
        figures=at(paths.BACKGROUND),
        workspace=abcd_workspace(),
    log:
        log_of(paths.BACKGROUND),
    benchmark:
        benchmark_of(paths.BACKGROUND)
    group:
        cluster_group("results")
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(2000),
        runtime=attempt_scaled(30),
    params:
        job=job(Estimate),
    message:
        "Estimating backgrounds from data"
    shell:
        logged(Estimate)


rule plot_background:
    """Draw the background estimates."""
    input:
        figures=at(paths.BACKGROUND),
    output:
        plots=[
            report(
                at(paths.BACKGROUND_PLOT, plot=plot),
                caption=caption(f"background_{plot}"),
                category="Background",
                labels={"plot": plot},
            )
            for plot in targets.background_plot_names(ANALYSIS)
        ],
    log:
        log_of("background/plots"),
    benchmark:
        benchmark_of("background/plots")
    group:
        cluster_group("results")
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(1000),
        runtime=attempt_scaled(15),
    params:
        job=job(PlotBackground),
    message:
        "Drawing the background estimates"
    shell:
        logged(PlotBackground)
