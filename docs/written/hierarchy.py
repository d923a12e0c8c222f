"""Results of hierarchical deep search at scale."""

from typing import Any

from written.tables import measured_on, shown, table_of


def hierarchical(result: dict[str, Any]) -> str:
    """Precision and time of each way to search, then the speed-up beside the paper's."""
    model, database, queries = result["model"], result["database"], result["queries"]
    encode, paper = result["encode"], result["paper"]
    loads = ", ".join(f"{value:.1f}" for value in result["load_averages"]["before"])
    facts = {
        "bits": model["n_bits"],
        "features": encode["n_features"],
        "trunk": model["settings"].get("trunk"),
        "epochs": len(model["card"].get("history", [])) or None,
        "accuracy on images kept out": model["card"].get("validation", {}).get("accuracy"),
    }
    ratio = paper["n_features"] * 4 * 8 // paper["n_bits"]
    known = {name: value for name, value in facts.items() if value is not None}
    lines = [
        f"## {result['title']}\n",
        f"```sh\n{result['command']}\n```\n",
        (
            f"Model: {model['method']} ({shown(known)}); "
            f"{encode['images_per_second']:,.0f} images encoded a second. The first "
            f"{database['images']:,} items are the training images, the others augmented copies "
            f"of them; {queries['number']:,} test images ask. Times are of one query in one "
            f"thread for {queries['timed_k']} items, medians over {queries['timed']} queries, the "
            "ways in turn, each after a query that is not timed; encoding an image alone takes "
            f"{encode['one image']['median ms']:.3g} ms more. A scan of codes ends early for the "
            f"share of queries whose very code {queries['timed_k']} items have.\n"
        ),
        *table_of([_speeds(row) for row in result["rows"]]),
        "",
        (
            f"### Codes over features at the paper's lengths: {paper['n_features']} features, "
            f"{paper['n_bits']} bits\n"
        ),
        *table_of([_speeds(row) for row in result["rows_at_paper_size"]]),
        "",
        (
            f"{paper['reference']}: {paper['features ms']} ms by features, {paper['codes ms']} ms "
            f"by codes, {paper['speed-up']} times faster. Its conditions: {paper['conditions']} "
            f"At these lengths features take {ratio:,} times the bytes of codes.\n"
        ),
        f"The machine's load (1, 5, 15 minutes) as the searches began: {loads}.\n",
    ]
    return "\n".join([*lines, measured_on(result)])


def _speeds(row: dict[str, Any]) -> dict[str, Any]:
    """Write the figures of a row with as many digits as they have."""
    shown: dict[str, Any] = {}
    for name, value in row.items():
        column = name.replace("precision@", "p@")
        match value:
            case int():
                shown[column] = f"{value:,}"
            case float() if column.startswith("p@"):
                shown[column] = f"{value:.3f}"
            case float():
                shown[column] = f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"
            case list():
                shown[column] = " to ".join(f"{item:.3g}" for item in value)
            case _:
                shown[column] = "-" if value is None else value
    return shown
