"""TravelBuddy beside the alternatives: the same turn, model and machine, in one run."""
