"""The raw queue of the recipe, and the queues that stand for it elsewhere."""
