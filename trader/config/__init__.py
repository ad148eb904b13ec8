"""Configuration: one YAML file, the environment names that operators know, and ``--set``.

Everything is checked before anything starts. What cannot be read, is unknown, or contradicts
something else raises ConfigError with one line for each reason: the field, its value, and what
is allowed. The environment and the policy can only tighten what the file grants.
"""

from trader.config.environment import (
    JOURNAL_FILE_NAME,
    environment_halt,
    journal_file_in,
    live_authority_problems,
    process_environment,
)
from trader.config.errors import ConfigError
from trader.config.load import Configuration, load
from trader.config.model import Settings

__all__ = [
    "JOURNAL_FILE_NAME",
    "ConfigError",
    "Configuration",
    "Settings",
    "environment_halt",
    "journal_file_in",
    "live_authority_problems",
    "load",
    "process_environment",
]
