"""Filters on Milvus: the answers of a collection in a folder, or a refusal that says why."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, example, given, settings

import filter_cases
from hashlens.collection.expression import read_expression
from hashlens.collection.folder.filters import metadata_keys, select_ids
from hashlens.collection.milvus.connection import Connection
from hashlens.collection.milvus.filters import translate
from hashlens.collection.milvus.grammar import MAX_DEPTH
from hashlens.collection.milvus.url import read_url
from hashlens.collection.milvus.view import select_ids as select_on_milvus
from hashlens.errors import InputError

N = 300
KEYS = {"v": ("v",), "year": ("Year", "year")}
V = 'metadata["v"]'


def translated(where: str, is_any: Callable[[str], bool] | None = None) -> str:
    return translate(read_expression(where), KEYS, is_any)


@pytest.mark.parametrize(
    ("where", "text"),
    [
        ("1", "id >= 0"),
        ("NULL", "id < 0"),
        ("label = 'owl'", 'label == "owl"'),
        ("label <> 'owl'", '(label != "" and (not (label == "owl")))'),
        ("label IS NULL", '(not (label != ""))'),
        ("label = ''", '(label != "" and label == "")'),
        ("label IN ('a', name)", '(label == "a" or (label != "" and label == name))'),
        ("label = 3", 'label == "3"'),
        ("name = 3", "id < 0"),
        ("id > 2.5 AND id < 5", "(id >= 3 and id <= 4)"),
        ("id + 10 = 12", "id == 2"),
        ("id IN (3, 4.5, NULL)", "id in [3]"),
        ("id % 3 = 1", "id % 3 == 1"),
        ("v = 'a'", f'{V} == "a"'),
        ("v = 1", f"({V} in [true] or {V} == 1)"),
        ("NOT v = 'a'", f'((exists {V}) and (not ({V} == "a")))'),
        ("v > 2", f"((exists {V}) and (not ({V} in [false, true] or {V} <= 2)))"),
        ("v < 2", f"({V} in [false, true] or {V} < 2)"),
        ("v GLOB 'ab*'", f'({V} >= "ab" and {V} < "ac")'),
        (
            "label = upper('q') AND added > '2' OR id = 1",
            '((label == "Q" and added > "2") or id == 1)',
        ),
    ],
)
def test_expressions_are_written_so(where: str, text: str) -> None:
    assert translated(where) == text


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("lable = 'owl'", "no column lable. Did you mean 'label'?"),
        ("label", "on Milvus, a text by itself is no condition"),
        ("lower(label) = 'owl'", "of columns it computes id + n"),
        ("v || 'a' = 'ba'", "of columns it computes id + n"),
        ("v / 2 = 1", "of columns it computes id + n"),
        ("2 - v = 1", "of columns it computes id + n"),
        ("v * -1 = 1", "of columns it computes id + n"),
        ("v % 2.5 = 1", "of columns it computes id + n"),
        ("id / 2 = 1", "of columns it computes id + n"),
        ("id % 0 = 1", "of columns it computes id + n"),
        ("id % 500 = 1", "there is n up to 100"),
        ("v % 500 = 1", "there is n up to 100"),
        ("v + 1 > 1e300", "computed with up to 2**53 only"),
        ("id = '1'", "no quotation marks"),
        ("v = year", "only path, name, label and added are compared with each other"),
        ("label IS path", "only path, name, label and added are compared with each other"),
        ("'a' IN (label)", "what stands before IN must be a column"),
        ("label LIKE 'owl%'", "there is GLOB 'text*'"),
        ("label GLOB '*owl'", "GLOB finds a beginning only: 'text*'"),
        ("label GLOB 'o?l'", "GLOB finds a beginning only: 'text*'"),
        ("label LIKE '1_'", "LIKE finds a beginning only: 'text%'"),
        ("label GLOB path", "the pattern of GLOB must be text"),
        ("id GLOB '1*'", "GLOB finds text only"),
        ("v GLOB '1*'", "of a metadata value what begins with no digit"),
        ("v >= 'm'", "there is BETWEEN, = or GLOB 'text*'"),
        ("v = '[1]'", "the JSON of a list or object"),
        ("v < 9223372036854775808.0", "any number but 2**63"),
        ("label COLLATE NOCASE = 'a'", "knows no COLLATE: compare with each spelling"),
        ("label LIKE 'a' ESCAPE 'b'", "knows no ESCAPE: GLOB"),
        ("CASE WHEN v THEN 1 END", "knows no CASE: write it with AND and OR"),
        ("CAST(v AS TEXT) = '1'", "knows no CAST: compare with a value of the type"),
        ("label =", "it ends too early"),
        ("label = 'a' 'b'", "near \"'b'\": syntax error"),
        ("(label, path) = (1, 2)", "near ',': syntax error"),
        ("v NOT 1", "near '1': syntax error"),
        ("v BETWEEN 1 OR 2", "near 'OR': syntax error"),
        ("= 1", "near '=': syntax error"),
        ("v = abs(-9223372036854775808)", "integer overflow"),
        ("v = json('[')", "no function json"),
        ("(" * MAX_DEPTH + "id" + ")" * MAX_DEPTH, f"nested more than {MAX_DEPTH} deep"),
    ],
)
def test_what_cannot_be_said_is_refused(where: str, message: str) -> None:
    with pytest.raises(InputError, match=r"^where must be ") as caught:
        translated(where)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_computing_is_refused_only_where_a_text_is_a_number() -> None:
    asked = []

    def is_any(text: str) -> bool:
        asked.append(text)
        return False

    # The sum of 1 and the float64 after 2020 is rounded to 2021.
    assert translated("v + 1 > 2021", is_any) == f"{V} >= 2020.0000000000002"
    assert f'({V} >= "0" and {V} < ":")' in asked[0]
    for answer in (None, lambda _: True):
        with pytest.raises(InputError, match=r"a text which begins with a number"):
            translated("v + 1 > 2021", answer)
    assert translated("id % 2 = 1", lambda _: pytest.fail("asked")) == "id % 2 == 1"


def test_the_first_spelling_that_an_item_has_counts() -> None:
    first, second = 'metadata["Year"]', 'metadata["year"]'
    wanted = f'({first} == "a" or ((not (exists {first})) and {second} == "a"))'
    assert translated("YEAR = 'a'") == wanted


@settings(max_examples=300, deadline=1000, derandomize=True)
@given(where=filter_cases.FILTERS)
def test_what_is_translated_can_be_joined_with_more(where: str) -> None:
    keys = {key.lower(): (key,) for key in filter_cases.KEYS}
    with suppress(InputError):
        text = translate(read_expression(where), keys, lambda _: False)
        words = re.sub(r'"(\\.|[^"\\])*"', "t", text)
        while words != (words := re.sub(r"\([^()]*\)", "b", words)):
            pass
        assert re.fullmatch(r"b|[^()]+", words)
        assert not re.search(r" (and|or) ", words)


class Engines(NamedTuple):
    """The same items in both."""

    db: sqlite3.Connection
    milvus: Connection

    def answer(self, where: str) -> list[int]:
        """What Milvus selects."""

        def is_any(text: str) -> bool:
            return self.milvus.count("filters", text, consistency="Session") > 0

        text = translate(read_expression(where), metadata_keys(self.db), is_any)
        return select_on_milvus(self.milvus, text).tolist()


@pytest.fixture(scope="module")
def engines(milvus: str) -> Iterator[Engines]:
    from pymilvus import DataType

    connection = Connection(read_url(f"{milvus}/filters?consistency=bounded"))
    schema: Any = connection.client.create_schema(auto_id=False)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("code", DataType.BINARY_VECTOR, dim=8)
    for field in ("path", "name", "label", "added"):
        schema.add_field(field, DataType.VARCHAR, max_length=65_535)
    schema.add_field("metadata", DataType.JSON)
    index = connection.client.prepare_index_params()
    index.add_index("code", index_type="BIN_FLAT", metric_type="HAMMING")
    connection.client.create_collection("filters", schema=schema, index_params=index)
    items = filter_cases.rows(N, seed=0)
    connection.upsert("filters", filter_cases.on_milvus(items))
    assert connection.count("filters") == N
    connection.consistency = "Session"
    with closing(filter_cases.catalogue(items)) as db:
        yield Engines(db, connection)


@pytest.mark.servers
@pytest.mark.parametrize(
    "where",
    [
        "year >= 2020",
        "NOT year >= 2020",
        "v",
        "n",
        "NOT n",
        "n + 1 > 2",
        "n * 0.1 >= 0.3",
        "n % 3 = -1",
        "n % 2 IN (0, 1)",
        "(n - 0.5) IS NULL",
        "label = 3 OR label IS NULL",
        "path GLOB '/p/*' AND name > 'a' AND NOT added < '2024-06'",
        " OR ".join(f"v = {i}" for i in range(200)),
        "(" * 30 + "id = 1" + " OR id = 2) AND (id > 0".join([""] * 5) + ")" * 30,
        "id IN (" + ",".join(map(str, range(2000))) + ")",
    ],
)
def test_the_answer_is_that_of_a_folder(engines: Engines, where: str) -> None:
    if where == "v":
        with pytest.raises(InputError, match=r"a text which begins with a number"):
            engines.answer(where)
        return
    found = engines.answer(where)
    assert found == select_ids(engines.db, where).tolist()
    assert found


@pytest.mark.servers
@settings(
    max_examples=600,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(where=filter_cases.FILTERS)
@example(where="v <= 9007199254740993")
@example(where="v IN (4611686018427387905, 1, 'abc', 2.5)")
@example(where="NOT (year BETWEEN '[' AND '{')")
@example(where="v NOT BETWEEN 'a' AND 'm'")
def test_every_answer_is_that_of_a_folder(engines: Engines, where: str) -> None:
    try:
        found = engines.answer(where)
    except InputError:
        return  # what is refused, and how, is above
    assert found == select_ids(engines.db, where).tolist()


def test_most_filters_are_answered() -> None:
    answered: list[bool] = []

    @settings(max_examples=200, deadline=None, derandomize=True, database=None)
    @given(where=filter_cases.LEAVES)
    def count(where: str) -> None:
        keys = {key.lower(): (key,) for key in filter_cases.KEYS}
        try:
            translate(read_expression(where), keys, lambda _: False)
        except InputError:
            answered.append(False)
        else:
            answered.append(True)

    count()
    assert sum(answered) > 0.6 * len(answered)
