"""The columns of the data bank."""

import pyarrow as pa

# At most one row per day, source and text for kind `text`; a prediction also tells task and model version apart.
SCHEMA = pa.schema([
    ("id", pa.string()),                       # of the event; `FILE:ROW` for files
    ("text", pa.string()),                     # normalized, then masked
    ("text_hash", pa.string()),                # registry.text.text_hash of `text`
    ("task", pa.string()),
    ("source", pa.string()),
    ("subject", pa.string()),                  # as given: the key to erase by
    ("at", pa.timestamp("us", tz="UTC")),
    ("banked_at", pa.timestamp("us", tz="UTC")),
    ("kind", pa.string()),                     # text | prediction
    ("label", pa.string()),
    ("confidence", pa.float32()),
    ("novelty", pa.float32()),
    ("model_version", pa.int32()),
    ("label_space", pa.int32()),
    ("topic", pa.string()),
    ("partition", pa.int32()),
    ("offset", pa.int64()),
    ("day", pa.date32()),                      # of `banked_at`, UTC; folders on disk
])
PARTITION_BY = ["day"]

# Delta's log keeps the least and the greatest value of these columns per file. Never of a text or a subject: the
# log outlives `bank forget`.
CONFIGURATION = {
    "delta.dataSkippingStatsColumns": "banked_at,at,partition,offset,model_version",
    "delta.checkpointInterval": "100",
}
INT32_MAX = 2**31 - 1
