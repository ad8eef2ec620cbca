"""Functions that only the rules of search.smk use; Snakemake wants no rules beside them."""


def searched_model(wildcards):
    """The model whose points a job trains; of points that several share the first."""
    batch = getattr(wildcards, "batch", None)
    return ANALYSIS.searches.batches[batch].model if batch else wildcards.model


def jets_of_points(wildcards):
    """The selected jets that points are trained on, where no prepared input holds them."""
    block = CONFIG.models[searched_model(wildcards)]
    if block.prepared_name() is not None:
        return []
    return ANALYSIS.selected(NOMINAL, CONFIG.trained_on(block))


def prepared_of_batch(wildcards):
    """The prepared inputs of the points of a job."""
    return prepared_of(ANALYSIS.searches.batches[wildcards.batch].points)


def prepared_of_model(wildcards):
    """The prepared inputs of all points of a search: it is not known yet which are the best."""
    return prepared_of(ANALYSIS.possible(wildcards.model))


def models_of_points(wildcards):
    """The models that points are made from."""
    names = CONFIG.models[searched_model(wildcards)].reads().models
    return [ANALYSIS.trained(name, NOMINAL) for name in names]


def prepared_below_points(wildcards):
    """The prepared inputs of all models that points are made from."""
    names = ANALYSIS.prepared_below(searched_model(wildcards), NOMINAL)
    return [at(paths.PREPARED, prepared=name) for name in names]


def ranking_before(wildcards):
    """The ranking whose best points are trained again."""
    before = ANALYSIS.searches.before(wildcards.model, wildcards.step)
    return at(paths.SEARCH_STEP, model=wildcards.model, step=before)


def slots_of(model, step):
    """What the trainings of a later step come to."""
    slots = range(len(ANALYSIS.searches.slots(model, step)))
    pattern = at(paths.SEARCH_SLOT, model=model, step=step)
    return [pattern.format(slot=slot) for slot in slots]


def results_of(wildcards):
    """What the trainings of a step come to."""
    model, step = wildcards.model, wildcards.step
    if step == ANALYSIS.searches.steps[model][0].name:
        return ANALYSIS.each(paths.SEARCH_BATCH, batch=ANALYSIS.searches.batches_of(model))
    return slots_of(model, step)


def rankings_of(wildcards):
    """The rankings of all steps of a search."""
    steps = [step.name for step in ANALYSIS.searches.steps[wildcards.model]]
    return ANALYSIS.each(at_model(wildcards), step=steps)


def at_model(wildcards):
    """The pattern of the rankings of a model."""
    return paths.SEARCH_STEP.replace("{model}", wildcards.model)


def seeds_of(wildcards):
    """What the trainings of the chosen settings come to."""
    return slots_of(wildcards.model, SEEDS)


def search_group(wildcards):
    """The group of a training; none for models made from others, whose searches follow these."""
    if CONFIG.models[searched_model(wildcards)].reads().models:
        return None
    step = getattr(wildcards, "step", None)
    return f"search_{step}" if step else "search"


def later_steps():
    """Names of all steps after the first ones."""
    searches = ANALYSIS.searches
    return sorted({step for model in searches.of for step in searches.later(model)})


def all_steps():
    """Names of all steps that are ranked."""
    return sorted({s.name for steps in ANALYSIS.searches.steps.values() for s in steps})
