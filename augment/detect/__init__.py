"""What kind of data somebody points at. Internal."""
