"""Reads every partition's offset out of Delta's log, whose own interface answers only for known names."""

import json
from collections.abc import Mapping

import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.fs import DeltaStorageHandler
from pyarrow.fs import FileSelector, FileSystem, PyFileSystem

LOG = "_delta_log"


def all_offsets(table: DeltaTable, options: Mapping[str, str]) -> dict[tuple[str, int], int]:
    """Return the next offset of each topic and partition as of the newest version."""
    folder = PyFileSystem(DeltaStorageHandler(table.table_uri, dict(options) or None))
    names = sorted(entry.base_name for entry in folder.get_file_info(FileSelector(LOG)) if entry.is_file)
    offsets = {place(name): table.transaction_version(name) for name in sorted(app_ids(folder, names))}
    return {found: offset for found, offset in offsets.items() if offset is not None}


def app_ids(folder: FileSystem, names: list[str]) -> set[str]:
    """Return the app ids of the last checkpoint and of the commits after it."""
    checkpoints = [name for name in names if ".checkpoint" in name and name.endswith(".parquet")]
    found: set[str] = set()
    last = max((name.split(".")[0] for name in checkpoints), default="")
    for name in checkpoints:
        if name.startswith(last):
            column = pq.read_table(folder.open_input_file(f"{LOG}/{name}"), columns=["txn"])["txn"]
            found |= {row["appId"] for row in column.to_pylist() if row and row["appId"]}
    for name in names:
        if name.endswith(".json") and name.split(".")[0] > last:
            found |= ids_in_commit(folder.open_input_file(f"{LOG}/{name}").read())
    return found


def ids_in_commit(content: bytes) -> set[str]:
    actions = (json.loads(line) for line in content.splitlines() if line.strip())
    return {action["txn"]["appId"] for action in actions if "txn" in action}


def place(name: str) -> tuple[str, int]:
    topic, _, partition = name.rpartition(":")
    return topic, int(partition)
