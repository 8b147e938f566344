"""The durable part: the turn workflow, its activities, and the worker that runs them."""
