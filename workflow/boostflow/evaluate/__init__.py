"""Figures of merit of a model, each with its statistical error."""
