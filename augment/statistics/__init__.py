"""What predictions say: scores, paired differences with intervals, verdicts. Internal."""
