"""The frame that all pages share: one look, light and dark, keys, print."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

import hashlens


def rendered(template: str, **values: object) -> str:
    """Fill a template of this package; what is filled in is escaped."""
    return _environment().get_template(template).render(version=hashlens.__version__, **values)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("hashlens.pages", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
