"""Probes: pictures that maximise entries of a Gram matrix, one or many."""
