"""Engines: Dask, Ray, interpreters, and what they share."""
