"""Everything outside: the state store, the workflow engine, the broker, the model."""
