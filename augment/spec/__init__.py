"""The pipeline file: from YAML text to bound components. Internal."""
