"""Evaluation of each model on the test split; one rule for each kind, because plots differ."""

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
