"""`python -m app.cli`: the `aid` command."""

from app.cli import main

main()
