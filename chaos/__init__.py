"""Everything is killed under load, and an independent checker judges what is stored (docs/reliability.md)."""
