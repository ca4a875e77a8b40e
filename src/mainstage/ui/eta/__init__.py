"""Estimates of the time that is left."""
