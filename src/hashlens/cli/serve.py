"""``hashlens serve``."""

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hashlens.checks import refuse, words
from hashlens.cli.options import AnyCollection, Json

if TYPE_CHECKING:
    from hashlens.server import Settings

TOKEN_VARIABLE = "HASHLENS_TOKEN"


def serve(
    collection: AnyCollection,
    host: Annotated[
        str, typer.Option("--host", help="Address to listen at: 0.0.0.0 for the whole network.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="0: any that is free.")
    ] = 8000,
    token: Annotated[
        str | None,
        typer.Option("--token", help=f"Whoever writes must show it; or in {TOKEN_VARIABLE}."),
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option("--token-file", help="The same, from a file.")
    ] = None,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Nothing can be added or removed.")
    ] = False,
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", help="Another name of this server; repeatable."),
    ] = None,
    max_upload_mb: Annotated[
        int, typer.Option("--max-upload-mb", min=1, max=4096, help="Of one request.")
    ] = 32,
    max_pixels: Annotated[
        int, typer.Option("--max-pixels", min=1, help="Of one uploaded image.")
    ] = 100_000_000,
    queue: Annotated[
        int,
        typer.Option("--queue", min=1, max=4096, help="Uploads at work at once; more are refused."),
    ] = 64,
    threads: Annotated[
        int | None,
        typer.Option("--threads", min=1, help="Of the network; the processors without it."),
    ] = None,
    open_page: Annotated[
        bool, typer.Option("--open", help="Show the page in the browser.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Serve a collection over HTTP, with a page to search it.

    Only this machine can reach it unless --host says otherwise; on any other address a token is
    needed to add and remove items. Ctrl-C, or SIGTERM, finishes what is accepted and ends.

    Example: hashlens serve photos.hl --open
    """
    from hashlens.collection import Collection
    from hashlens.server import Settings
    from hashlens.server import serve as run

    settings = Settings(
        host=host,
        port=port,
        token=_token(token, token_file),
        read_only=read_only,
        allow_hosts=tuple(allow_host or ()),
        max_upload_mb=max_upload_mb,
        max_pixels=max_pixels,
        queue=queue,
        threads=threads,
    )
    photos = Collection.open(collection)
    _log_to_stderr()

    def ready(address: str) -> None:
        _say(address, len(photos), settings, as_json)
        if open_page:
            typer.launch(address)

    run(photos, settings, ready=ready)


def _token(token: str | None, file: Path | None) -> str | None:
    """Take the token from where it was given; the environment comes last."""
    if token is not None and file is not None:
        raise typer.BadParameter("is given, so --token-file cannot be.", param_hint="--token")
    if file is not None:
        text = file.read_text("utf-8").strip()
        if not text:
            raise refuse("--token-file", "a file with a token", words("an empty file"))
        return text
    return token if token is not None else os.environ.get(TOKEN_VARIABLE)


def _log_to_stderr() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    for name, level in (("hashlens.server", logging.INFO), ("uvicorn", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)
    # It has words for every malformed form; the line of the request says enough.
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)


def _say(address: str, n_items: int, settings: "Settings", as_json: bool) -> None:
    from hashlens.cli.output import note, print_json

    if as_json:
        said: dict[str, Any] = {"address": address, "items": n_items, "pid": os.getpid()}
        print_json(said | {"writable": settings.writable})
        sys.stdout.flush()
        return
    who = "nobody may add or remove items"
    if settings.writable:
        who = "items are added with the token" if settings.token else "this machine may add items"
    note(f"{n_items:,} items at {address} ({who}); Ctrl-C ends it")
