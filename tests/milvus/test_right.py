"""The right to write: one writer at a time, and none for ever."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from threading import Barrier, Thread

import pytest

from hashlens.collection.milvus import right
from hashlens.collection.milvus.right import LEASE_SECONDS, Right, right_to_write
from hashlens.errors import BusyError, UnreachableError


class Board:
    """Tickets in memory; can be out of reach."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.away = False

    def put(self, texts: Mapping[str, str]) -> None:
        if self.away:
            raise UnreachableError("board must answer. Got nothing.")
        self.texts |= texts

    def below(self, prefix: str) -> Mapping[str, str]:
        return {key: text for key, text in self.texts.copy().items() if key.startswith(prefix)}

    def drop(self, keys: Sequence[str]) -> None:
        if self.away:
            raise UnreachableError("board must answer. Got nothing.")
        for key in keys:
            self.texts.pop(key, None)

    def change(self, **values: object) -> None:
        """Change what the only ticket says."""
        ((key, text),) = self.texts.items()
        self.texts[key] = json.dumps(json.loads(text) | values)


@pytest.fixture
def board() -> Board:
    return Board()


def test_a_second_writer_is_told_who_writes_and_leaves_nothing(board: Board) -> None:
    with right_to_write(board, "milvus://db/p"):
        held = dict(board.texts)
        wanted = rf"milvus://db/p must be written by one .* process {os.getpid()} on .* Try again"
        with pytest.raises(BusyError, match=wanted), right_to_write(board, "milvus://db/p"):
            pass
        assert board.texts == held
    assert board.texts == {}
    with right_to_write(board, "p"):
        assert len(board.texts) == 1


def test_of_many_that_come_together_never_two_write(board: Board) -> None:
    writing, most = 0, 0
    barrier = Barrier(8)

    def write() -> None:
        nonlocal writing, most
        barrier.wait()
        with suppress(BusyError), right_to_write(board, "p"):
            writing += 1
            most = max(most, writing)
            time.sleep(0.05)
            writing -= 1

    threads = [Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most <= 1
    assert board.texts == {}


@pytest.mark.parametrize("what", ["dead", "expired"])
def test_a_ticket_falls_free_without_its_writer(board: Board, what: str) -> None:
    Right(board, "p")._renew()
    if what == "dead":
        ended = subprocess.Popen([sys.executable, "-c", ""])
        ended.wait()
        board.change(pid=ended.pid)
    else:
        board.change(machine="another", expires=time.time() - 0.01)
    with right_to_write(board, "p"):
        assert len(board.texts) == 1  # the old one is cleared away
    assert board.texts == {}


def test_a_process_of_another_machine_or_container_counts_until_it_expires(board: Board) -> None:
    Right(board, "p")._renew()
    board.change(machine="another", pid=2**22 + 1)
    with pytest.raises(BusyError), right_to_write(board, "p"):
        pass
    assert len(board.texts) == 1


def test_a_right_is_renewed_while_it_is_held(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(right, "_RENEW_SECONDS", 0.02)
    with right_to_write(board, "p") as held:
        first = dict(board.texts)
        end = time.monotonic() + 5
        while board.texts == first and time.monotonic() < end:
            time.sleep(0.01)
        assert board.texts.keys() == first.keys()
        assert board.texts != first
        held.check()


def test_a_right_that_is_over_is_not_taken_up_again(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(right, "_RENEW_SECONDS", 0.02)
    with right_to_write(board, "p") as held:
        board.away = True
        time.sleep(0.1)  # some renewals fail
        held.check()
        held._expires -= LEASE_SECONDS
        time.sleep(0.1)
        board.away = False
        time.sleep(0.1)
        with pytest.raises(BusyError, match=f"no word from the server for {LEASE_SECONDS:g} s"):
            held.check()


def test_giving_back_to_a_server_that_is_away_is_no_error(board: Board) -> None:
    with right_to_write(board, "p"):
        board.away = True
    assert len(board.texts) == 1
