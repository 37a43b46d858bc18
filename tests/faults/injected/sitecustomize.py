"""Kills a process, or fails what it asks of the disk, at its n-th step there; imported by Python itself when it starts.

A step is whatever changes the disk: opening for writing, mkdir, rename, replace, link, unlink, rmdir, fsync, taking a
lock. Steps are counted over the host and its workers together, in the file `log`. What C++ and Rust libraries do goes
unseen; random instants and the limit on file sizes are for those.

The environment variable AUGMENT_FAULTS holds, as JSON: `root` (only what lies below counts), `log`, `at` (number of the
step, from 1; 0 for none), `do` (`kill-run`: the host, and this process; `kill-self`: this process; or the name of an
error such as `ENOSPC`), `lasting` (whether an error stays from then on).
"""

import errno
import json
import os
import signal
import sys

REMOVING = {"os.remove", "os.rmdir", "fcntl.flock"}  # also works on a full disk
CHANGING = {"os.mkdir", "os.rename", "os.link", "os.symlink", *REMOVING}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def install(root, log, at=0, do="kill-run", lasting=False):
    """Watch this process from now on; it cannot be undone."""
    host = os.environ.setdefault("AUGMENT_FAULTS_HOST", str(os.getpid()))
    counter = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    fsync, state = os.fsync, {"busy": False}

    def step(event, path):
        if state["busy"]:
            return
        state["busy"] = True
        try:
            # appending is atomic, so the place after it is the number of this step over all processes
            os.write(counter, b".")
            number = os.lseek(counter, 0, os.SEEK_CUR)
            if number == at and do.startswith("kill"):
                if do == "kill-run":
                    os.kill(int(host), signal.SIGKILL)
                os.kill(os.getpid(), signal.SIGKILL)
            due = at and (number >= at if lasting else number == at)
            if due and not do.startswith("kill") and event not in REMOVING:
                code = getattr(errno, do)
                raise OSError(code, os.strerror(code), path)
        finally:
            state["busy"] = False

    def ours(path):
        return isinstance(path, str | bytes | os.PathLike) and os.fsdecode(path).startswith(root)

    def hook(event, arguments):
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & WRITING and ours(path):
                step(event, path)
        elif event in CHANGING:
            path, in_folder = arguments[0], isinstance(arguments[-1], int) and arguments[-1] >= 0
            if event == "fcntl.flock" or in_folder or ours(path):
                step(event, path)
        elif event == "ctypes.dlsym" and arguments[1] == "renameat2":
            step(event, root)

    def watched_fsync(handle):
        step("fsync", None)
        fsync(handle)

    os.fsync = watched_fsync
    sys.addaudithook(hook)


if "AUGMENT_FAULTS" in os.environ:
    install(**json.loads(os.environ["AUGMENT_FAULTS"]))
