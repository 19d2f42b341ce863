"""What can go wrong around the programs of a stack. Every message is meant for the person at the terminal."""


class StackError(Exception):
    """Root of all errors of this package."""


class ServerNotFoundError(StackError):
    """No usable Redis or Valkey server: neither on PATH nor in the installed wheel."""


class DataDirBusyError(StackError):
    """Another embedded Redis uses this data directory."""


class StartError(StackError):
    """A program could not be started, ended early or did not become ready in time."""
