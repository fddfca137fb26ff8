"""Readers of the tables in the folder tables/."""
import os

TABLES = os.path.join(os.path.dirname(__file__), "..", "tables")


def read_table(name):
    """The rows of tables/NAME.tsv as dicts of its columns; empty cells are left out."""
    with open(os.path.join(TABLES, name + ".tsv"), encoding="utf-8") as f:
        header, *rows = [line.rstrip("\n").split("\t") for line in f if line.strip() and not line.startswith("#")]
    return [{k: v for k, v in zip(header, row) if v} for row in rows]


def aliases_in(rows, column, names="aliases"):
    """{what stands in a column: its other names}, of the rows of a table that have such names, with ";" between."""
    return {row[column]: row[names].split(";") for row in rows if names in row}


def read_blocks(name):
    """The blocks of tables/NAME.txt as pairs of a heading and the list of the lines that are indented below it."""
    blocks = []
    with open(os.path.join(TABLES, name + ".txt"), encoding="utf-8") as f:
        for line in f:
            if line.startswith(" "):
                blocks[-1][1].append(line.strip())
            elif line.strip() and not line.startswith("#"):
                blocks.append((line.strip(), []))
    return blocks
