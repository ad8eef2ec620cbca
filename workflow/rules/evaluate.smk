"""Evaluation of each model on the test split, its systematic errors, and comparison with others.

One rule for each way of evaluation, because plots differ.
"""

from boostflow.jobs.models import (
    Compare,
    Evaluate,
    EvaluateSystematics,
    PlotSystematics,
    RankClassifiers,
)


include: "functions/evaluate.smk"


for way, names in ANALYSIS.ways_of_evaluation(CONFIG.models).items():

    rule:
        name:
            f"evaluate_{way}"
        input:
            jets=evaluated_jets,
            beside=background_beside,
            scores=at(paths.SCORE, variation=NOMINAL),
            model=at(paths.MODEL, variation=NOMINAL),
        output:
            figures=at(paths.EVALUATION),
            plots=[model_plot(names[0], p) for p in targets.plots_of(ANALYSIS, names[0])],
        log:
            log_of(paths.EVALUATION),
        benchmark:
            benchmark_of(paths.EVALUATION)
        wildcard_constraints:
            model=any_of(names),
        group:
            cluster_group("nominal")
        conda:
            ENVIRONMENT
        resources:
            mem_mb=attempt_scaled(3000),
            runtime=attempt_scaled(60),
        params:
            job=job(Evaluate),
        message:
            "Evaluating {wildcards.model}"
        shell:
            logged(Evaluate)


for way, names in ANALYSIS.ways_of_evaluation(ANALYSIS.with_systematics()).items():

    rule:
        name:
            f"evaluate_systematics_{way}"
        input:
            jets=varied_jets,
            scores=varied_scores,
            nominal=at(paths.EVALUATION),
        output:
            figures=at(paths.EVALUATION_SYSTEMATICS),
        log:
            log_of(paths.EVALUATION_SYSTEMATICS),
        benchmark:
            benchmark_of(paths.EVALUATION_SYSTEMATICS)
        wildcard_constraints:
            model=any_of(names),
        group:
            cluster_group("results")
        conda:
            ENVIRONMENT
        resources:
            mem_mb=attempt_scaled(3000),
            runtime=attempt_scaled(60),
        params:
            job=job(EvaluateSystematics),
        message:
            "Evaluating the variations of {wildcards.model}"
        shell:
            logged(EvaluateSystematics)

    rule:
        name:
            f"plot_systematics_{way}"
        input:
            figures=at(paths.EVALUATION_SYSTEMATICS),
        output:
            plots=[model_plot(names[0], p) for p in targets.varied_plots_of(ANALYSIS, names[0])],
        log:
            log_of("plots/{model}/systematics"),
        benchmark:
            benchmark_of("plots/{model}/systematics")
        wildcard_constraints:
            model=any_of(names),
        group:
            cluster_group("results")
        conda:
            ENVIRONMENT
        resources:
            mem_mb=attempt_scaled(1000),
            runtime=attempt_scaled(15),
        params:
            job=job(PlotSystematics),
        message:
            "Drawing the variations of {wildcards.model}"
        shell:
            logged(PlotSystematics)


if len(ANALYSIS.jet_models()) > 1:

    rule compare_models:
        """AUC differences of models and the reference on the same jets."""
        input:
            jets=ANALYSIS.selected(NOMINAL, ANALYSIS.labelled()),
            scores=[ANALYSIS.scored(model, NOMINAL) for model in ANALYSIS.jet_models()],
        output:
            figures=at(paths.COMPARISON),
            plot=report(
                at(paths.COMPARISON_PLOT),
                caption=caption("comparison"),
                category="Models",
                labels={"plot": "comparison"},
            ),
            purity=shown(targets.purity_plot(ANALYSIS), "purity_of_all", "Models"),
        log:
            log_of(paths.COMPARISON),
        benchmark:
            benchmark_of(paths.COMPARISON)
        group:
            cluster_group("results")
        conda:
            ENVIRONMENT
        resources:
            mem_mb=attempt_scaled(3000),
            runtime=attempt_scaled(30),
        params:
            job=job(Compare),
        message:
            "Comparing models"
        shell:
            logged(Compare)


if ANALYSIS.classifiers():

    rule rank_classifiers:
        """What all classifiers reach on the same jets, and what they cost."""
        input:
            evaluations=ANALYSIS.each(paths.EVALUATION, model=ANALYSIS.classifiers()),
            comparison=at(paths.COMPARISON),
            models=[at(paths.MODEL, model=m, variation=NOMINAL) for m in ANALYSIS.classifiers()],
            jets=ANALYSIS.selected(NOMINAL, ANALYSIS.labelled()),
        output:
            figures=at(paths.RANKING),
            table=report(
                at(paths.RANKING_TABLE),
                caption=caption("classifiers"),
                category="Models",
                labels={"plot": "classifiers (table)"},
            ),
            plot=report(
                at(paths.RANKING_PLOT),
                caption=caption("classifiers"),
                category="Models",
                labels={"plot": "classifiers"},
            ),
            resources=resources_plot(),
        log:
            log_of(paths.RANKING),
        benchmark:
            benchmark_of(paths.RANKING)
        group:
            cluster_group("results")
        conda:
            ENVIRONMENT
        resources:
            mem_mb=attempt_scaled(3000),
            runtime=attempt_scaled(30),
        params:
            job=job(RankClassifiers),
        message:
            "Ranking the classifiers"
        shell:
            logged(RankClassifiers)
