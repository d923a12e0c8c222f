"""What a client has already need not be sent again."""

from fastapi import Request


def has_already(request: Request, tag: str) -> bool:
    """Tell whether the client has the answer with this tag (If-None-Match).

    Parameters
    ----------
    request : Request
    tag : str
        With its quotation marks.
    """
    known = request.headers.get("if-none-match", "").split(",")
    return any(each.strip().removeprefix("W/") in (tag, "*") for each in known)


def cache_control(version: str, content_hash: str) -> str:
    """Say how long a picture may be kept.

    A version in the address, the beginning of the content's hash, makes it the address of one
    picture for ever.

    Examples
    --------
    >>> cache_control("3fa9c1d2", "3fa9c1d2e5"), cache_control("", "3fa9c1d2e5")
    ('private, max-age=31536000, immutable', 'private, no-cache')
    """
    for_ever = len(version) >= 8 and content_hash.startswith(version)
    return "private, max-age=31536000, immutable" if for_ever else "private, no-cache"
