"""The commands, one file each: parse, call, print. What they call is imported when they are called."""
