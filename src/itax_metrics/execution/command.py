"""One trusted command, its output told line by line.

Covered: a command that is not there, or fails, is one error with the last lines it printed.
Not covered: time; installers take as long as they take.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping

from ..errors import ExecutionError


def call(
    command: list[str], on_line: Callable[[str], None], failure: str, environment: Mapping[str, str] | None = None
) -> None:
    """Run it to its end, with nothing on standard input.

    Args:
        command: the program and its arguments.
        on_line: gets every line it prints that is not empty, standard error included.
        failure: what could not be done, the beginning of the error.
        environment: its environment variables; those of this process when None.

    Raises:
        ExecutionError: it cannot be started, or ends with another status than 0.
    """
    last: list[str] = []
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=environment,
        )
    except OSError as error:
        raise ExecutionError(f"{failure}: {error}.") from error
    with process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip():
                last = [*last[-2:], line.strip()]
                on_line(line.rstrip())
    if process.returncode != 0:
        raise ExecutionError(f"{failure}: {' / '.join(last) or f'exit status {process.returncode}'}.")
