"""Images into shards of codes: on this machine, or on a Ray cluster; the same bytes either way."""

from hashlens.encoding.job import EncodeJob, EncodeReport, EncodeSettings
from hashlens.encoding.local import encode_local
from hashlens.encoding.plan import Plan, plan_shards
from hashlens.encoding.ray_encode import encode_on_ray
from hashlens.encoding.shard_file import CodeRows
from hashlens.encoding.shards import Shards, read_shards

__all__ = [
    "CodeRows",
    "EncodeJob",
    "EncodeReport",
    "EncodeSettings",
    "Plan",
    "Shards",
    "encode_local",
    "encode_on_ray",
    "plan_shards",
    "read_shards",
]
