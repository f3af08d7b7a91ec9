"""Runs Alembic from code: `aid migrate`, the tests, and every command that needs the database."""

from pathlib import Path

from alembic import command
from alembic.config import Config

ROOT = Path(__file__).resolve().parents[2]


def _config(dsn: str) -> Config:
    config = Config(ROOT / "alembic.ini")
    config.set_main_option("script_location", str(ROOT / "alembic"))
    config.attributes["dsn"] = dsn
    return config


def upgrade(dsn: str, revision: str = "head") -> None:
    command.upgrade(_config(dsn), revision)


def downgrade(dsn: str, revision: str = "base") -> None:
    command.downgrade(_config(dsn), revision)


def check(dsn: str) -> None:
    """Raises when the models and the migrated database differ."""
    command.check(_config(dsn))


def draft(dsn: str, message: str) -> None:
    """Write the difference between models and database as a new migration."""
    command.revision(_config(dsn), message=message, autogenerate=True)
