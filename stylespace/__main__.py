"""The program, also as `python -m stylespace`: guarded from its first moment."""

import os
import sys
import warnings

from stylespace.cli.streams import open_closed_streams
from stylespace.executors.interrupts import exit_code, handled, interrupt
from stylespace.executors.threads import cores, thread_environment


def main() -> int:
    """Run the command line and return its exit code.

    Ctrl-C, TERM and HUP count from here on, when the command line is still being imported; the
    warnings that libraries address to programmers are left out.
    """
    warnings.simplefilter("ignore")
    try:
        open_closed_streams()
        os.environ |= thread_environment(cores())  # torch reads them when it is imported
        with handled(interrupt):
            from stylespace.cli.main import main as run

            code = run()
    except KeyboardInterrupt:
        print("stylespace: interrupted; nothing was written.", file=sys.stderr)
        code = 130
    return exit_code() if code == 130 else code


if __name__ == "__main__":
    sys.exit(main())
