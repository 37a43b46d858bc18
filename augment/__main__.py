"""`python -m augment` is the command `augment`."""

import os
import sys

if sys.path and sys.path[0] == os.getcwd():
    del sys.path[0]  # `python -m` puts it there; a file of the data's folder must not stand for a library

from augment.cli import main

main(prog_name="augment")
