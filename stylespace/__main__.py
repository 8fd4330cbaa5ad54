"""The program, also as `python -m stylespace`: guarded from its first moment."""

import sys
import warnings


def main() -> int:
    """Run the command line and return its exit code.

    Ctrl-C counts from here on, when the command line is still being imported; the warnings that
    libraries address to programmers are left out.
    """
    warnings.simplefilter("ignore")
    try:
        from stylespace.cli.main import main as run

        return run()
    except KeyboardInterrupt:
        print("stylespace: interrupted; nothing was written.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
