"""The `aid` command."""

import gc


def main() -> None:
    """Do what was asked for.

    What is made at import lives as long as the process. The collector would go through all of it again and again, a
    fifth of the time that a start takes, so it is told to come seldom.
    """
    gc.set_threshold(100_000, 50, 100)
    from app.cli.commands import run

    run()
