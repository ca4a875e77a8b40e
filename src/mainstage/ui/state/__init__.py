"""What is known of the run: one reducer changes it."""
