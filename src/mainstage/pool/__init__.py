"""Who runs the work and settles its future: threads, processes, engines."""
