"""Searches over hyper-parameters: each point is a training, and the best is the model."""

from boostflow.jobs.search import Rank, ReportSearch, TrainBest, TrainPoints
from boostflow.models.search import SEEDS


include: "functions/search.smk"


for family in ANALYSIS.families():
    if not ANALYSIS.searches.of_family(family.kind):
        continue

    rule:
        name:
            f"search_{family.kind}"
        input:
            jets=jets_of_points,
            prepared=prepared_of_batch,
            models=models_of_points,
            prepared_below=prepared_below_points,
            judged=ANALYSIS.selected(NOMINAL, ANALYSIS.labelled()),
        output:
            results=at(paths.SEARCH_BATCH),
        log:
            log_of(paths.SEARCH_BATCH),
        benchmark:
            benchmark_of(paths.SEARCH_BATCH)
        wildcard_constraints:
            batch=any_of(ANALYSIS.searches.batches_of_family(family.kind)),
        priority: 4
        group:
            cluster_group(search_group)
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            **training_resources(family),
        params:
            job=job(TrainPoints),
            points=at(paths.POINTS),
            checkpoints=at(paths.POINT_CHECKPOINTS),
        message:
            "Training points of a search ({wildcards.batch})"
        shell:
            logged(TrainPoints)

    rule:
        name:
            f"search_best_{family.kind}"
        input:
            jets=jets_of_points,
            prepared=prepared_of_model,
            models=models_of_points,
            prepared_below=prepared_below_points,
            judged=ANALYSIS.selected(NOMINAL, ANALYSIS.labelled()),
            ranking=ranking_before,
        output:
            results=at(paths.SEARCH_SLOT),
        log:
            log_of(paths.SEARCH_SLOT),
        benchmark:
            benchmark_of(paths.SEARCH_SLOT)
        wildcard_constraints:
            model=any_of(ANALYSIS.searches.of_family(family.kind)),
            step=any_of(later_steps()),
            slot=r"\d+",
        priority: 4
        group:
            cluster_group(search_group)
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            **training_resources(family),
        params:
            job=job(TrainBest),
            points=at(paths.POINTS),
            checkpoints=at(paths.POINT_CHECKPOINTS),
        message:
            "Training the best of the search of {wildcards.model} ({wildcards.step})"
        shell:
            logged(TrainBest)


rule search_rank:
    """The points of a step of a search, the best one first."""
    input:
        results=results_of,
    output:
        ranking=at(paths.SEARCH_STEP),
    log:
        log_of(paths.SEARCH_STEP),
    wildcard_constraints:
        model=any_of(ANALYSIS.searches.of),
        step=any_of(all_steps()),
    # A second of work that trainings on other nodes wait for.
    localrule: True
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(1000),
        runtime=attempt_scaled(15),
    params:
        job=job(Rank),
    message:
        "Ranking the points of {wildcards.model} ({wildcards.step})"
    shell:
        logged(Rank)


rule search_report:
    """What a search has found: table, plot, and how much of it is luck."""
    input:
        rankings=rankings_of,
        seeds=seeds_of,
    output:
        figures=at(paths.SEARCH),
        table=report(
            at(paths.SEARCH_TABLE),
            caption=caption("search_table"),
            category="Models",
            subcategory="{model}",
            labels={"plot": "search (txt)"},
        ),
        plot=report(
            at(paths.SEARCH_PLOT),
            caption=caption("search"),
            category="Models",
            subcategory="{model}",
            labels={"plot": "search"},
        ),
    log:
        log_of(paths.SEARCH),
    benchmark:
        benchmark_of(paths.SEARCH)
    wildcard_constraints:
        model=any_of(ANALYSIS.searches.of),
    group:
        cluster_group("results")
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(2000),
        runtime=attempt_scaled(30),
    params:
        job=job(ReportSearch),
        points=at(paths.POINTS),
    message:
        "Reporting the search of {wildcards.model}"
    shell:
        logged(ReportSearch)
