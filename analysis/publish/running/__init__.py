"""How notebooks are run without a kernel being started for each of them, and books beside each other."""

# The name under which Papermill knows the project's own engine; see pyproject.toml.
ENGINE = "assistansboken"
