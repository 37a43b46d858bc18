"""The proposals of `augment init`. Internal."""
