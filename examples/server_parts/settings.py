"""The settings of a Milvus of this machine; what is not named here is Milvus's default."""

import copy
from pathlib import Path
from typing import Any

Settings = dict[str, dict[str, Any]]

SHARED: Settings = {
    "etcd": {"rootPath": "hashlens"},
    # The default of 30 s is how long a role that was killed still counts as there.
    "common": {"storageType": "local", "session": {"ttl": 5, "retryTimes": 30}},
    "log": {"level": "warn", "file": {"rootPath": ""}, "stdout": True},
    "trace": {"exporter": "noop"},
}

SMALL_SEGMENTS: Settings = {
    # In MB. A hundred thousand codes of 64 bits then lie in several segments, as 10^9 would.
    "dataCoord": {"segment": {"maxSize": 1}},
}

QUICK_READS: Settings = {
    # In ms; the default is 200. A Strong read of a standalone waits for the next of these ticks.
    "proxy": {"timeTickInterval": 50},
}


def merged(*parts: Settings) -> Settings:
    """The settings of all parts, the later ones over the earlier ones."""
    whole: Settings = {}
    for part in parts:
        _merge(whole, part)
    return whole


def _merge(whole: dict[str, Any], part: dict[str, Any]) -> None:
    for key, value in part.items():
        if isinstance(value, dict) and isinstance(whole.get(key), dict):
            _merge(whole[key], value)
        else:
            whole[key] = copy.deepcopy(value)


def at_ports(ports: dict[str, int]) -> Settings:
    """The settings that say at which port of the loopback address each role is to be reached.

    The server of 2.3.5 listens there on every interface of the machine, whatever it is told.
    """
    return {role: {"ip": "127.0.0.1", "port": port} for role, port in ports.items()}


def standalone(folder: Path, etcd_port: int, proxy_internal_port: int) -> Settings:
    """The settings of one process that holds every role, with etcd and the log inside."""
    return {
        "localStorage": {"path": str(folder / "data")},
        "etcd": {
            "use": {"embed": True},
            "endpoints": f"127.0.0.1:{etcd_port}",
            "data": {"dir": str(folder / "etcd")},
            "config": {"path": str(folder / "etcd.yaml")},
            "log": {"path": str(folder / "etcd.log"), "level": "warn"},
        },
        "mq": {"type": "rocksmq"},
        "rocksmq": {"path": str(folder / "rocksmq")},
        "proxy": {"internalPort": proxy_internal_port},
    }


def cluster(folder: Path, etcd_port: int, broker_port: int) -> Settings:
    """The settings that the processes of a cluster share."""
    return {
        "localStorage": {"path": str(folder / "data")},
        "etcd": {"use": {"embed": False}, "endpoints": f"127.0.0.1:{etcd_port}"},
        "mq": {"type": "kafka"},
        "kafka": {"brokerList": f"127.0.0.1:{broker_port}", "securityProtocol": ""},
        # The log kept in memory forgets what is older than 5 MB: what is written must reach
        # storage before.
        "dataNode": {"segment": {"insertBufSize": 1 << 20, "syncPeriod": 10}},
    }


def etcd_urls(client_port: int, peer_port: int) -> dict[str, str]:
    """The options of etcd that say where it listens."""
    client, peer = f"http://127.0.0.1:{client_port}", f"http://127.0.0.1:{peer_port}"
    return {
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"default={peer}",
    }
