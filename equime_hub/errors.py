"""Every error the library raises on purpose.

::

    EquimeError                 base: `except EquimeError` catches all of them
    ├── FaceError               a face source or one of its images cannot be used
    ├── PlanError               a plan cannot be made or read
    ├── BackendError            a backend cannot make what the plan asks for
    ├── BuildError              a dataset cannot be built where it was asked
    ├── DatasetError            a dataset is missing, not ours, or damaged
    ├── HubError                the Hub refuses or fails, or holds what was not expected
    │   ├── NotSignedInError    the repository asks who reads it, and nobody is signed in
    │   ├── NotGrantedError     signed in, but access is not granted (yet)
    │   ├── NotFoundError       no such repository (or a private one), tag, branch or commit
    │   └── OfflineError        the Hub cannot be reached, and the cache does not hold it
    ├── VideoError              bytes that are no readable video, frames out of range
    ├── ModelError              a saved model cannot be loaded, or does not fit the dataset
    ├── MetricError             labels that cannot be scored (also a ValueError)
    └── MissingDependencyError  an optional package is absent (also an ImportError)

A message names the value received, what was expected, and the command or argument that repairs
it; the command line prints it as it stands.
"""

from __future__ import annotations


class EquimeError(Exception):
    """Base of all errors raised on purpose."""


class FaceError(EquimeError):
    """A face source, or one of its images, cannot be used."""


class PlanError(EquimeError):
    """A plan cannot be made or read."""


class BackendError(EquimeError):
    """A backend cannot make what the plan asks for."""


class BuildError(EquimeError):
    """A dataset cannot be built where it was asked."""


class DatasetError(EquimeError):
    """A dataset is missing, not ours, or damaged."""


class HubError(EquimeError):
    """The Hub refuses or fails, or a repository holds what was not expected."""


class NotSignedInError(HubError):
    """The repository asks who reads it, and nobody is signed in."""


class NotGrantedError(HubError):
    """Somebody is signed in, but access is not granted to them (yet)."""


class NotFoundError(HubError):
    """No such repository (or a private one), tag, branch or commit."""


class OfflineError(HubError):
    """The Hub cannot be reached, and the cache does not hold what was asked for."""


class VideoError(EquimeError):
    """Bytes that are no readable video, or frames out of range."""


class ModelError(EquimeError):
    """A saved model cannot be loaded, or does not fit the dataset."""


class MetricError(EquimeError, ValueError):
    """Labels that cannot be scored."""


class MissingDependencyError(EquimeError, ImportError):
    """An optional package is not installed."""
