"""Functions that only the rules of train.smk use; Snakemake wants no rules beside them."""


def training_jets(wildcards):
    """The selected jets that a model is trained on, where no prepared input holds them."""
    block = ANALYSIS.block(wildcards.model, wildcards.variation)
    if block.prepared_name() is not None:
        return []
    return ANALYSIS.selected(NOMINAL, CONFIG.trained_on(block))


def jets_beside(wildcards):
    """The selected jets of samples that a model looks at and is not trained on."""
    block = ANALYSIS.block(wildcards.model, wildcards.variation)
    return ANALYSIS.selected(NOMINAL, CONFIG.beside(block))


def prepared_of(blocks):
    """The prepared inputs of some models, where their family has one."""
    names = [block.prepared_name() for block in blocks]
    return [at(paths.PREPARED, prepared=name) for name in dict.fromkeys(names) if name is not None]


def prepared_input(wildcards):
    """The prepared input of a model whose settings are declared."""
    found = ANALYSIS.chosen(wildcards.model)
    return [] if found else prepared_of([ANALYSIS.block(wildcards.model, wildcards.variation)])


def possible_inputs(wildcards):
    """The prepared inputs of a model whose settings are searched: one of them is needed."""
    found = ANALYSIS.chosen(wildcards.model)
    return prepared_of(ANALYSIS.possible(wildcards.model, wildcards.variation)) if found else []


def chosen_settings(wildcards):
    """The settings that the search of a model has chosen."""
    return ANALYSIS.chosen(wildcards.model) or []


def points_of_searches(wildcards):
    """The folder of all points, of which one may be the training of a model that is searched."""
    return at(paths.POINTS) if ANALYSIS.chosen(wildcards.model) else []


def models_below(wildcards):
    """The models that a model is made from."""
    block = ANALYSIS.block(wildcards.model, wildcards.variation)
    return [ANALYSIS.trained(model, wildcards.variation) for model in block.reads().models]


def prepared_below(wildcards):
    """The prepared inputs of all models that a model is made from, each once."""
    names = ANALYSIS.prepared_below(wildcards.model, wildcards.variation)
    return [at(paths.PREPARED, prepared=name) for name in names]


def prepared_jets(wildcards):
    """The selected jets that a prepared input holds."""
    return ANALYSIS.selected(NOMINAL, ANALYSIS.prepared()[wildcards.prepared].samples)


def ranks(wildcards):
    """Number of processes that train a model together."""
    return ANALYSIS.block(wildcards.model).ranks()


def checkpoint_of(wildcards):
    """Folder of a training's checkpoints, by which a killed one resumes."""
    return at(paths.CHECKPOINT, **wildcards)


def shared_by(family):
    """Names of the prepared inputs of a family."""
    found = ANALYSIS.prepared().items()
    return [name for name, prepared in found if prepared.block.kind == family.kind]
