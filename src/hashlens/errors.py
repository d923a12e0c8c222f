"""The tree of deliberate errors.

::

    HashlensError                 everything hashlens raises on purpose
    ├── InputError                a value that was passed is not what was wanted (also ValueError)
    │   └── LeakError             a measurement whose answer has been seen: queries trained on, ...
    ├── NotFittedError            a hasher or model was used before it learnt
    ├── FormatError               a file is damaged, incomplete or from a newer version
    │   └── ImageError            one image cannot be decoded; has its name and the reason
    ├── BusyError                 another process is writing to a collection
    ├── UnreachableError          a server that a collection is on does not answer
    └── MissingExtraError         an optional dependency is not installed (also ImportError)

Every message says what was wanted and what came: ``<name> must be <wanted>. Got <got>.``
"""


class HashlensError(Exception):
    """Base of every error that hashlens raises on purpose."""


class InputError(HashlensError, ValueError):
    """A value passed by the caller is not what was wanted."""


class LeakError(InputError):
    """A measurement was asked for whose answer the model or the database has seen."""


class NotFittedError(HashlensError):
    """A hasher, features or a model was used before it was fitted."""


class FormatError(HashlensError):
    """A file is damaged, incomplete, or written by a newer version."""


class ImageError(FormatError):
    """One image cannot be decoded: ``name`` says which, ``reason`` says why."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason

    def __str__(self) -> str:
        """Show the name of the image and the reason."""
        return f"{self.name}: {self.reason}"


class BusyError(HashlensError):
    """Another process writes, or has written, to a collection or an index file."""


class UnreachableError(HashlensError):
    """The server that a collection is on does not answer, or not in time."""


class MissingExtraError(HashlensError, ImportError):
    """An optional dependency is needed; the message gives the install command."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"{package} must be installed for this. Got no such package. "
            f"Install it with: pip install 'hashlens[{extra}]'"
        )
