"""A stored result as a Markdown table."""

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


def stored_results(pattern: str = "*.json") -> list[dict[str, Any]]:
    """Stored results whose file names match, in the order of their names."""
    return [json.loads(file.read_text("utf-8")) for file in sorted(RESULTS.rglob(pattern))]


def table_of(rows: list[dict[str, Any]]) -> list[str]:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    return [
        "| " + " | ".join(columns) + " |",
        "|" + " --- |" * len(columns),
        *("| " + " | ".join(shown(row.get(column)) for column in columns) + " |" for row in rows),
    ]


def measured_on(result: dict[str, Any]) -> str:
    environment = result.get("environment", {})
    facts = "; ".join(f"{key} {shown(value)}" for key, value in environment.items())
    return f"Measured on: {facts or 'not recorded'}.\n"


def shown(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
        case list():
            return " to ".join(shown(item) for item in value)
        case dict():
            return ", ".join(f"{key} {shown(item)}" for key, item in value.items())
    return str(value).replace("|", "\\|")


def plain_table(result: dict[str, Any]) -> str:
    lines = [f"## {result['title']}\n", f"```sh\n{result['command']}\n```\n"]
    return "\n".join([*lines, *table_of(result["rows"]), "", measured_on(result)])
