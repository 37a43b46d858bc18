"""Detection of data formats. Internal."""
