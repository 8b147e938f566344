"""TravelBuddy: a stateful travel agent as a Dapr workflow behind FastAPI."""

__version__ = "0.1.0"
