"""A collection over HTTP: a request comes in, one call is made, JSON goes out."""

from hashlens.server.app import make_app
from hashlens.server.running import serve
from hashlens.server.settings import Settings

__all__ = ["Settings", "make_app", "serve"]
