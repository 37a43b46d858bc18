"""`python -m augment` is the command `augment`."""

from augment.cli import main

main(prog_name="augment")
