"""What makes a plugin short: training loops, conditions, encodings. Plugins may use it; nothing below it does."""
