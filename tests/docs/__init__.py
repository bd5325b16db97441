"""The pages as a reader meets them: every command is parsed, every Python block compiled, and all of it can be run."""
