"""What is shown over HTTP: health and metrics for machines."""
