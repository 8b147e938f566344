"""The pub/sub door."""
