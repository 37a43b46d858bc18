"""Tables as numbers that networks learn from, and back."""
