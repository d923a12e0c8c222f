"""A Kafka log in the memory of one process: `python broker.py FILE` writes its port there.

It is librdkafka's own mock. What it holds is lost with it, and of each partition it keeps the last
5 MB, so that it stands for Kafka in tests and examples only.
"""

import sys
from pathlib import Path

from confluent_kafka import Producer


def main() -> None:
    """Starts the log, says where, and serves until it is killed."""
    log = Producer({"test.mock.num.brokers": 1})
    broker = next(iter(log.list_topics(timeout=10).brokers.values()))
    place = Path(sys.argv[1])
    beside = place.with_suffix(".new")
    beside.write_text(str(broker.port))
    beside.rename(place)
    while True:
        log.poll(1)


if __name__ == "__main__":
    main()
