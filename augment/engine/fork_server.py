"""A process that imports what a run needs once, and forks the processes that do the run's tasks.

`python -P -m augment.engine.fork_server` imports libraries, and nothing else: it calls no component, imports no third
party's plugin, starts no thread and touches no accelerator. What is forked from it begins like a fresh interpreter
that has these libraries loaded. It ends when its host does, and takes everything that it forked along.

A request is one JSON line on its standard input, a socket, with four file descriptors: standard input, output and error
of the process to fork, and a socket that stands for it. On that socket the server says the process id, and later the
exit status. A process that is dead keeps its id until the host closes the socket; one that still lives is then killed.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from typing import IO, Any

from augment.engine import worker
from augment.errors import AugmentError

__all__ = ["CAN_FORK", "ForkServer", "Forked", "LastWords", "main"]

NO_THREADS = {"JE_ARROW_MALLOC_CONF": "background_thread:false"}  # pyarrow's allocator starts one when it is imported
MAX_LAST_WORDS = 4096  # bytes kept of what a process printed

# macOS has fork, but its own libraries do not work after it
CAN_FORK = hasattr(os, "fork") and hasattr(socket, "send_fds") and sys.platform != "darwin"


class LastWords:
    """The end of what a process prints, read as it comes so that no pipe fills up.

    Args:
        pipe: its standard error.
    """

    def __init__(self, pipe: IO[Any]):
        self._pipe, self._end = pipe, b""
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        with suppress(OSError):  # closed
            while said := os.read(self._pipe.fileno(), 65_536):
                self._end = (self._end + said)[-MAX_LAST_WORDS:]

    def __str__(self) -> str:
        """The last line for the end of a message, or nothing; wait until the process has ended."""
        self._listener.join(timeout=1)  # whom the process started may hold the pipe open for longer
        lines = self._end.decode(errors="replace").strip().splitlines()
        return f"; its last words: {lines[-1]}" if lines else ""

    def close(self) -> None:
        """Close the pipe, unless somebody still writes to it."""
        self._listener.join(timeout=1)
        if not self._listener.is_alive():
            self._pipe.close()


class ForkServer:
    """The host's end: the process is started with the first fork, and ended by `close`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._last_words: LastWords | None = None

    def fork(self, imports: Iterable[str], threads: int) -> Forked:
        """A process that does tasks, see `augment.engine.worker`.

        Args:
            imports: modules that it will need, loaded before if they are not yet.
            threads: how many threads its libraries may use.

        Raises:
            AugmentError: the server has died, or the system starts no further process.
        """
        request = json.dumps({"imports": sorted(imports), "threads": threads}).encode() + b"\n"
        with ExitStack() as ours, ExitStack() as theirs:
            ends = [os.pipe() for _ in range(3)]
            for number, (reading, writing) in enumerate(ends):
                own_end, passed = (writing, reading) if number == 0 else (reading, writing)
                ours.callback(os.close, own_end)
                theirs.callback(os.close, passed)
            status, passed_status = socket.socketpair()
            ours.callback(status.close)
            theirs.callback(passed_status.close)
            passed_fds = [ends[0][0], ends[1][1], ends[2][1], passed_status.fileno()]
            with self._lock:  # one request at a time, so that the descriptors of two never come together
                answer: dict[str, Any] = {}
                with suppress(BrokenPipeError, ConnectionError):
                    socket.send_fds(self._started(), [request], passed_fds)
                    theirs.close()
                    answer = _received(status)
            if "pid" not in answer:
                raise AugmentError(answer.get("error") or self._death())
            ours.pop_all()
            return Forked(answer["pid"], status, ends[0][1], ends[1][0], ends[2][0])

    def _started(self) -> socket.socket:
        if self._control is None:
            self._control, theirs = socket.socketpair()
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "augment.engine.fork_server"],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    env={**os.environ, **worker.environment(1), **NO_THREADS},
                    start_new_session=True,  # Ctrl-C reaches the host alone, which then ends its workers
                )
            assert self._process.stderr is not None
            self._last_words = LastWords(self._process.stderr)
        return self._control

    def _death(self) -> str:
        assert self._process is not None
        self._process.kill()
        status = self._process.wait()
        return f"the process that starts workers ended with exit status {status}{self._last_words}"

    def close(self) -> None:
        """End the server, and what it has forked."""
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._last_words is not None:
            self._last_words.close()
        self._process = self._control = self._last_words = None


class Forked:
    """A process that a server has forked, with as much of `subprocess.Popen` as a worker needs.

    Attributes:
        pid: process id, and the id of its process group.
        stdin: text to it.
        stdout: text from it.
        stderr: text from it.
        returncode: exit status, negative for a signal; None while it is not known.
    """

    def __init__(self, pid: int, status: socket.socket, stdin: int, stdout: int, stderr: int):
        self.pid, self._status = pid, status
        self.stdin: IO[str] = os.fdopen(stdin, "w", encoding="utf-8")
        self.stdout: IO[str] = os.fdopen(stdout, encoding="utf-8")
        self.stderr: IO[str] = os.fdopen(stderr, encoding="utf-8")
        self.returncode: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status, once it has ended.

        Raises:
            subprocess.TimeoutExpired: it has not, after so many seconds.
        """
        if self.returncode is None:
            self._status.settimeout(timeout)
            try:
                answer = _received(self._status)
            except TimeoutError as error:
                raise subprocess.TimeoutExpired("a worker", timeout or 0) from error
            self.returncode = answer.get("status", -signal.SIGKILL)  # the server's death is its own
        return self.returncode

    def kill(self) -> None:
        """End it at once, and what it has started."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def let_go(self) -> None:
        """Give its id back; `kill` must not be called afterwards."""
        self._status.close()


def _received(connection: socket.socket) -> dict[str, Any]:
    """The next message, or an empty one where the other end is gone."""
    line = b""
    with suppress(ConnectionError):
        while not line.endswith(b"\n"):
            more = connection.recv(1)
            if not more:
                return {}
            line += more
    message: dict[str, Any] = json.loads(line or b"{}")
    return message


class _Server:
    """The loop of the process that forks.

    Attributes:
        children: the socket of each process to its id.
    """

    def __init__(self) -> None:
        self.control = socket.socket(fileno=os.dup(0))
        self.children: dict[socket.socket, int] = {}
        self._told: set[int] = set()
        self._signalled, self._signals = socket.socketpair()
        for end in (self._signalled, self._signals):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._signals.fileno())
        self._selector = selectors.DefaultSelector()
        self._selector.register(self.control, selectors.EVENT_READ)
        self._selector.register(self._signalled, selectors.EVENT_READ)

    def serve(self) -> int | None:
        """Fork until the host is gone. It returns in each new process too, with the number of threads that it has."""
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self.control:
                    request, handles, _, _ = socket.recv_fds(self.control, 1 << 20, 4)
                    if not request:
                        for child in list(self.children):
                            self._let_go(child)
                        return None
                    while not request.endswith(b"\n"):
                        request += self.control.recv(1 << 20)
                    if (threads := self._fork(json.loads(request), handles)) is not None:
                        return threads
                elif key.fileobj is self._signalled:
                    with suppress(BlockingIOError):
                        self._signalled.recv(1 << 16)
                    self._tell_of_deaths()
                elif key.fileobj in self.children:  # that is closed
                    self._let_go(key.fileobj)

    def _fork(self, request: dict[str, Any], handles: list[int]) -> int | None:
        for name in request["imports"]:
            if name not in sys.modules:
                with suppress(BaseException):  # whoever needs it will fail with a message of its own
                    module = importlib.import_module(name)
                    getattr(module, "augment_components", list)()  # which imports the rest of a plugin
        *standard, handle = handles
        child = socket.socket(fileno=handle)
        gc.freeze()  # a collection in a child would write to every page that they share
        answer: dict[str, Any]
        try:
            pid = os.fork()
        except OSError as error:
            answer = {"error": f"no process for a worker can be started: {error}"}
            with child, suppress(OSError):
                child.sendall(json.dumps(answer).encode() + b"\n")
        else:
            if pid == 0:
                self._leave(child, standard)
                return int(request["threads"])
            with suppress(OSError):  # whichever of the two comes first
                os.setpgid(pid, pid)
            self.children[child] = pid
            self._selector.register(child, selectors.EVENT_READ)
            with suppress(OSError):
                child.sendall(json.dumps({"pid": pid}).encode() + b"\n")
        for handle in standard:
            os.close(handle)
        return None

    def _leave(self, own: socket.socket, standard: list[int]) -> None:
        """Become a process of its own: nothing of the server's is left."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._selector.close()
        for end in (self.control, self._signalled, self._signals, own, *self.children):
            end.close()
        with suppress(OSError):
            os.setpgid(0, 0)
        for place, handle in enumerate(standard):
            os.dup2(handle, place)
            os.close(handle)

    def _tell_of_deaths(self) -> None:
        for child, pid in self.children.items():
            if pid in self._told:
                continue
            ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)  # it keeps its id
            if ended is not None:
                self._told.add(pid)
                status = ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
                with suppress(OSError):
                    child.sendall(json.dumps({"status": status}).encode() + b"\n")

    def _let_go(self, child: socket.socket) -> None:
        pid = self.children.pop(child)
        self._told.discard(pid)
        self._selector.unregister(child)
        child.close()
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def main() -> None:
    """Serve until the host is gone; in what is forked, do tasks until its pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()  # imports make objects that stay: to look for garbage among them takes a tenth of their time
    for name in ("tasks", "draw_and_filter", "judge_tasks", "write_tasks"):
        importlib.import_module(f"augment.engine.{name}")
    threads = _Server().serve()
    if threads is not None:
        gc.enable()
        worker.main(threads)


if __name__ == "__main__":
    main()
