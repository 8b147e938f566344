"""The pure part: what a conversation, a lane and a turn are. No I/O; standard library and pydantic only."""
