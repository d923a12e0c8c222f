"""What every answer looks like."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

_ID = Field(description="Number of the item in the collection.")


class Answer(BaseModel):
    """Base of all answers: nothing in them but what is declared."""

    model_config = ConfigDict(extra="forbid")


class Error(Answer):
    """An error."""

    error: str = Field(description="What was wanted and what came.")
    field: str | None = Field(description="The parameter, part or header that is wrong.")


class Pictured(Answer):
    """An item, and where its pictures are."""

    id: int = _ID
    name: str = Field(description="Name of its file, without the folder.")
    label: str | None
    metadata: dict[str, Any]
    thumbnail: str = Field(description="Address of a small JPEG; add &size=320 for a larger one.")
    image: str = Field(description="Address of the image itself.")


class Item(Pictured):
    """An item of the collection."""

    added: str | None = Field(description="Time of the commit that added it, UTC.")
    content_hash: str = Field(description="SHA-256 of the image's bytes, in hex.")


class Items(Answer):
    """Some of the items that match."""

    items: list[Item]
    total: int = Field(description="Items that match.")
    first: int
    n: int
    revision: int


class AddedItem(Item):
    """An item that was uploaded."""

    already: bool = Field(description="Whether its bytes were those of an item before.")


class Added(Answer):
    """What became of an upload."""

    items: list[AddedItem] = Field(description="In the order of the upload.")
    added: int
    already: int
    revision: int


class Hit(Pictured):
    """One item that was found."""

    rank: int
    distance: int = Field(description="Hamming distance, in bits.")
    similarity: float | None = Field(description="Cosine of the features, where they are stored.")
    same_class: float | None = Field(
        description="Share of the images at that distance that are of the query's class."
    )
    code: str = Field(description="Its code, in hex.")


class QueryPart(Answer):
    """One image, item or code of a question."""

    kind: Literal["image", "item", "code"]
    name: str | None
    id: int | None = Field(description="The item it is, if it is one or has its bytes.")
    code: str = Field(description="Its code, in hex.")


class Query(Answer):
    """What was asked."""

    parts: list[QueryPart]
    k: int
    radius: int | None
    precision: float | None
    share: float | None
    where: str | None
    rerank: bool | None


class Seconds(Answer):
    """How long the steps took."""

    total: float
    decode: float
    encode: float
    search: float


class Found(Answer):
    """The items found, best first."""

    query: Query
    hits: list[Hit]
    n_items: int
    n_bits: int
    reranked: bool = Field(description="Ordered by features, not by distance alone.")
    partial: bool = Field(
        description="A part of the collection was out of reach: there may be nearer items."
    )
    radius: int | None = Field(description="Only items within so many bits were looked for.")
    revision: int
    seconds: Seconds
    promise: str | None = Field(description="What the distances mean, in words.")


class Duplicate(Item):
    """One picture of a group."""

    distance: int = Field(description="To the first of the group, in bits.")
    similarity: float | None = Field(description="To the first of the group.")
    width: int | None = Field(description="Of the image, in pixels.")
    height: int | None
    size_bytes: int | None = Field(description="Of the file.")


class Group(Answer):
    """Pictures that are the same, or nearly; the first is the one to keep."""

    tier: Literal["identical", "same", "similar"]
    items: list[Duplicate]


class Groups(Answer):
    """Some of the groups of duplicates, by tier, then largest saving first."""

    groups: list[Group]
    total: int = Field(description="Groups that were found.")
    n_items: int = Field(description="Items in all of them.")
    spare_bytes: int = Field(description="Of all files but those to keep.")
    first: int
    n: int
    tier: Literal["identical", "same", "similar"]
    radius: int | None = Field(description="Of the tier: codes differ in so many bits at most.")
    similarity: float | None = Field(description="Of the tier: least cosine of the features.")
    revision: int
    seconds: float = Field(description="Of the search for all groups.")


class Bits(Answer):
    """How much of their length the codes use."""

    n_codes: int
    ones: list[float] = Field(description="Share of the codes in which each bit is on.")
    dead: list[int] = Field(description="Bits that are the same in every code.")
    mean_correlation: float | None = Field(description="Mean of |correlation| over pairs of bits.")


class Distances(Answer):
    """Distances of pairs of items, drawn at random."""

    n_pairs: int
    counts: list[int] = Field(description="Pairs at each distance, 0 to n_bits.")
    mean: float | None


class Meaning(Answer):
    """Shares of same-class images by distance, 0 to n_bits."""

    share: float = Field(description="Share of the images that are of a query's class.")
    n_queries: int
    at: list[float]
    within: list[float]
    promised: list[float]


class ModelFacts(Answer):
    """What the model says of itself."""

    method: str
    features: str | None
    classes: list[str]
    n_classes: int
    data: str | None
    n_images: int | None


class Writing(Answer):
    """Whether items may be added and removed."""

    allowed: bool
    token: bool = Field(description="Whether a token has to be shown.")


class LimitFacts(Answer):
    """What the server takes."""

    max_upload_bytes: int
    max_pixels: int
    max_images: int
    max_k: int


class Stats(Answer):
    """What the collection holds, and how good its codes are."""

    name: str
    version: str
    n_items: int
    n_removed: int
    n_bits: int
    n_features: int
    size_bytes: int
    revision: int
    labels: dict[str, int] = Field(description="Items of each label, of the most frequent 1000.")
    n_labels: int
    metadata_keys: list[str]
    bits: Bits
    distances: Distances
    meaning: Meaning | None
    model: ModelFacts
    writing: Writing
    limits: LimitFacts


class Health(Answer):
    """The server can read its collection."""

    status: Literal["ok"]
    n_items: int
    revision: int
