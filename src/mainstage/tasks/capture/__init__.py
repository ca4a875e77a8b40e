"""What workers print: streams, file descriptors, lines."""
