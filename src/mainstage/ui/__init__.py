"""From events to bytes: state, estimates, views, displays."""
