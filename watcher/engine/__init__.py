"""When the pipeline's verbs are called: jobs, and the scheduler that wakes them."""
