"""Results of ``hashlens reproduce``: methods side by side."""

from collections.abc import Iterator
from typing import Any

from written.tables import measured_on, shown, table_of


def comparison(result: dict[str, Any]) -> str:
    """Tables of methods by code length, the published figure beside each measured one."""
    lines = [f"## {result['title']}\n", f"```sh\n{result['command']}\n```\n"]
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in result["rows"]:
        key = (row["data"], row.get("protocol", ""), row["features"])
        groups.setdefault(key, []).append(row)
    for (data, protocol, features), chosen in groups.items():
        seen = "images to codes" if features == "-" else f"hashers on {features}"
        seen = f"{protocol}, {seen}" if protocol else seen
        control = next((r["uncoded"] for r in chosen if r["uncoded"] is not None), None)
        uncoded = "" if features == "-" or control is None else f" (uncoded: {shown(control)})"
        lines += [f"### {data}, {seen}{uncoded}\n", *table_of(_pivot(chosen)), ""]
    if result["disorder"]:
        lines += ["Pairs of methods whose published order did not come out:\n"]
        lines += [_pair(pair) for pair in result["disorder"]]
    return "\n".join([*lines, "", measured_on(result)])


def _pivot(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One line a method; for each length mAP, the published figure and the control row."""
    table: dict[str, dict[str, Any]] = {}
    for row in rows:
        line = table.setdefault(row["method"], {"method": row["method"]})
        line[f"{row['bits']} bits"] = figure_of(row)
        if any(r["published"] != "-" for r in rows):
            line[f"paper, {row['bits']}"] = row["published"]
        if row["features"] == "-":
            line[f"one-hot, {row['bits']}"] = shown(row["one-hot"]) or "-"
    longest = list(next(iter(table.values())))[1]
    return sorted(table.values(), key=lambda line: line[longest], reverse=True)


def figure_of(row: dict[str, Any]) -> str:
    """The mAP, with half the width of its interval over the seeds, or the classifier's error."""
    if row["mAP"] is None:
        error = row.get("error")
        return "-" if error is None else f"{100 * error:.2f} %"
    half = row.get("mAP +-")
    return f"{row['mAP']:.3f}" + (f" ± {half:.3f}" if half is not None else "")


def _pair(pair: dict[str, Any]) -> str:
    (better, worse), (one, other) = pair["published"], pair["measured"]
    return (
        f"- {pair['data']}, {pair['features'] or 'images'}, {pair['n_bits']} bits: the paper has "
        f"{pair['published_better']} ({better:.3f}) above {pair['published_worse']} "
        f"({worse:.3f}), here {one:.3f} and {other:.3f}"
    )


def best_lines(result: dict[str, Any]) -> Iterator[str]:
    """One line a protocol and method: its figure at each length, the paper's in brackets."""
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in result["rows"]:
        if not row["method"].endswith(", cut"):
            groups.setdefault((row["data"], row["protocol"], row["method"]), []).append(row)
    for (data, protocol, method), rows in groups.items():
        k = result["protocols"][protocol].get("k")
        figure = "error" if rows[0]["mAP"] is None else f"mAP@{k}" if k else "mAP"
        cells = []
        for row in rows:
            printed = "" if row["published"] == "-" else f" ({row['published']})"
            cells.append(f"**{figure_of(row)}**{printed}")
        minutes = max(row["fit seconds"] or 0 for row in rows) / 60
        what = f"{data}, {protocol}, {figure} of {method.upper()}"
        yield f"| {what} | {' | '.join(cells)} | {minutes:.0f} min |"
