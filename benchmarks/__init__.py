"""What is timed: both sides in one process, in turn, as the median of the ratios."""
