"""Pure decisions before work starts: the cut, the folds, how many rows of what. Internal."""
