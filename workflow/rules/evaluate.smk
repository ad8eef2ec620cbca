"""Evaluation of each model on the test split, its systematic errors, and comparison with others.

One rule for each kind of model, because plots differ.
"""

for kind in MODEL_PLOTS:

    rule:
        name:
            f"evaluate_{kind}"
        input:
            jets=evaluate_jets,
            scores=at(paths.SCORE.replace("{variation}", NOMINAL)),
            model=at(paths.MODEL.replace("{variation}", NOMINAL)),
        output:
            figures=at(paths.EVALUATION),
            plots=[
                report(
                    at(paths.MODEL_PLOT.replace("{plot}", plot)),
                    caption=caption(plot),
                    category="Models",
                    subcategory="{model}",
                    labels={"plot": plot},
                )
                for plot in model_plots(kind)
            ],
        log:
            log_of(paths.EVALUATION),
        benchmark:
            benchmark_of(paths.EVALUATION)
        wildcard_constraints:
            model=any_of(models_evaluated_as(kind)),
        group:
            cluster_group("nominal")
        conda:
            ENVIRONMENT
        resources:
            mem_mb=attempt_scaled(3000),
            runtime=attempt_scaled(60),
        params:
            config=evaluate_block(),
            luminosity=CONFIG.luminosity,
            seed=CONFIG.seed,
            options=evaluate_options,
            label=energy_label() if kind == "events" else plot_label(),
        message:
            "Evaluating {wildcards.model}"
        shell:
            'python "$BOOSTFLOW_SCRIPTS"/evaluate.py --select {input.jets:q} --scores {input.scores:q}'
            " --trained {input.model:q} --output {output.figures:q}"
            ' --plots "$(dirname {output.plots[0]:q})" --model {wildcards.model}'
            " --config {params.config:q}"
            " --luminosity {params.luminosity} --seed {params.seed} {params.options:q}"
            " --label {params.label:q} > {log:q} 2>&1"


for kind in sorted({evaluated_as(model) for model in models_with_systematics()}):

    rule:
        name:
            f"evaluate_systematics_{kind}"
        input:
            jets=varied_jets,
            scores=varied_scores,
            figures=at(paths.EVALUATION),
        output:
            figures=at(paths.EVALUATION_SYSTEMATICS),
            plots=[
                report(
                    at(paths.MODEL_PLOT.replace("{plot}", plot)),
                    caption=caption(plot),
                    category="Models",
                    subcategory="{model}",
                    labels={"plot": plot},
                )
                for plot in systematic_plots(kind)
            ],
        log:
            log_of(paths.EVALUATION_SYSTEMATICS),
        benchmark:
            benchmark_of(paths.EVALUATION_SYSTEMATICS)
        wildcard_constraints:
            model=any_of([name for name in models_with_systematics() if evaluated_as(name) == kind]),
        group:
            cluster_group("results")
        conda:
            ENVIRONMENT
        resources:
            mem_mb=attempt_scaled(3000),
            runtime=attempt_scaled(60),
        params:
            systematics=evaluated_systematics,
            config=evaluate_block(),
            luminosity=CONFIG.luminosity,
            options=judged_options,
            label=plot_label(),
        message:
            "Evaluating the variations of {wildcards.model}"
        shell:
            'python "$BOOSTFLOW_SCRIPTS"/evaluate_systematics.py --select {input.jets:q}'
            " --scores {input.scores:q} --figures {input.figures:q} --output {output.figures:q}"
            ' --plots "$(dirname {output.plots[0]:q})" --systematics {params.systematics:q}'
            " --config {params.config:q} --luminosity {params.luminosity} {params.options:q}"
            " --label {params.label:q} > {log:q} 2>&1"


rule compare_models:
    """AUC differences of all pairs of models on the same jets."""
    input:
        jets=labelled_jets(NOMINAL),
        scores=expand_at(paths.SCORE, model=compared_models(), variation=NOMINAL),
    output:
        figures=at(paths.COMPARISON),
        plot=report(
            at(paths.COMPARISON_PLOT),
            caption=caption("comparison"),
            category="Models",
            labels={"plot": "comparison"},
        ),
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
        judged=compared_clusterings(),
        config=as_json({"bootstrap": CONFIG.evaluate.bootstrap}),
        seed=CONFIG.seed,
        label=energy_label(),
    message:
        "Comparing models"
    shell:
        'python "$BOOSTFLOW_SCRIPTS"/compare_models.py --select {input.jets:q}'
        " --scores {input.scores:q} --output {output.figures:q} --plot {output.plot:q}"
        " --judged {params.judged:q} --config {params.config:q} --seed {params.seed}"
        " --label {params.label:q} > {log:q} 2>&1"
