"""Training: one rule for each family of models in use. Always on nominal jets."""

from boostflow.jobs.models import Prepare, Train


include: "functions/training.smk"
include: "functions/train.smk"


DISTRIBUTED = "train_distributed"
# A profile's resources of all trainings by horovodrun: it need not know which families there are.
settings = workflow.resource_settings
settings.overwrite_resources = {
    **{
        f"train_{family.kind}": settings.overwrite_resources[DISTRIBUTED]
        for family in ANALYSIS.families()
        if family.distributed and DISTRIBUTED in settings.overwrite_resources
    },
    **settings.overwrite_resources,
}
# Snakemake has read them for the rules above, and keeps what it has read.
vars(settings).pop("_parsed_overwrite_resources", None)


for family in ANALYSIS.families():
    if family.prepare:

        rule:
            name:
                f"prepare_{family.kind}"
            input:
                jets=prepared_jets,
            output:
                prepared=directory(at(paths.PREPARED)),
            log:
                log_of(paths.PREPARED),
            benchmark:
                benchmark_of(paths.PREPARED)
            wildcard_constraints:
                prepared=any_of(shared_by(family)),
            priority: 5
            conda:
                ENVIRONMENT
            resources:
                mem_mb=attempt_scaled(1000),
                runtime=attempt_scaled(60),
            params:
                job=job(Prepare),
            message:
                "Preparing the jets of trainings ({wildcards.prepared})"
            shell:
                logged(Prepare)

    rule:
        name:
            f"train_{family.kind}"
        input:
            jets=training_jets,
            beside=jets_beside,
            prepared=prepared_input,
            models=models_below,
            chosen=chosen_settings,
            possible=possible_inputs,
            prepared_below=prepared_below,
        output:
            output=directory(at(paths.MODEL)),
        log:
            log_of(paths.MODEL),
        benchmark:
            benchmark_of(paths.MODEL)
        wildcard_constraints:
            model=any_of(ANALYSIS.of_family(family.kind)),
        priority: 6 if family.distributed else 3
        conda:
            ENVIRONMENT
        threads: ranks
        resources:
            **training_resources(family),
        params:
            job=job(Train),
            checkpoint=checkpoint_of,
            points=points_of_searches,
        message:
            "Training {wildcards.model} ({wildcards.variation})"
        shell:
            # Of what a training prints, its epochs are shown as they end.
            f"{command(Train)} 2>&1"
            " | tee {log:q}"
            ' > >(sed -un "s/^.*: epoch /${{BOOSTFLOW_CLEAR-}}{wildcards.model}: epoch /p" >&2) || {{'
            " echo 'The training ended early; what can be resumed is, when it runs again.' >> {log:q};"
            " exit 1; }}"
