"""A package that is run: python -m package."""
