"""Models and background of a run without a configuration: the one place that names families."""

DEFAULT_MODELS = ("bdt", "ucluster")
"""Kinds of the models of the default analysis, which are their names, too; another family does not
lengthen such a run."""
CLASSIFIER, CLUSTERING = DEFAULT_MODELS
"""Names of those that the defaults of regions and estimates read."""
QCD = ("quark", "gluon", "qg")
"""Samples that are all of QCD together: what estimates from data take the place of."""
