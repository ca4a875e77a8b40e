"""The journal of a run: a file that the owner of the run appends to, and what other processes make of it."""
