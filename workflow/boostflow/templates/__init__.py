"""Histograms of one observable per score region and sample: what the fit compares with data."""
