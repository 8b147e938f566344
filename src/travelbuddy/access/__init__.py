"""Who is calling, how often they may, and what only the sidecar may call."""
