"""Process workers: dispatcher, worker process, the main program of a worker."""
