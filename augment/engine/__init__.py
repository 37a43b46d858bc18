"""Where tasks happen, and the tasks themselves. Internal."""
