"""The order of things: one run from its source to its report. Internal; scripts call `augment.run`."""
