"""What `augment init` proposes and writes. Internal."""
