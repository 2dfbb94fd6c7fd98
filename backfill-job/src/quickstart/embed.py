"""Fills a column with embeddings by a function that is stored with the table, and finds the texts nearest to some.

Environment: QUICKSTART_WORK, a folder with the table.
"""

import logging
import os
from pathlib import Path

import lance
import numpy as np
import pyarrow as pa
from lance_backfill import connect, udf
from pyspark.sql import SparkSession

QUERIES = ["a cat that laughs", "bad weather", "something sweet to eat"]


@udf(data_type=pa.list_(pa.float32(), 256))
class Embed:
    """256 floats a text. The model is loaded once in each worker process, from the weights in its package."""

    def setup(self) -> None:
        import wordllama

        self.model = wordllama.WordLlama.load(
            cache_dir=Path(wordllama.__file__).parent, disable_download=True
        )

    def __call__(self, text: pa.Array) -> np.ndarray:
        return self.model.embed(text.to_pylist(), norm=True)


def main() -> None:
    logging.getLogger("py4j").setLevel(logging.WARNING)  # wordllama turns everybody's INFO on
    texts = connect(catalog="lance", spark=SparkSession.builder.getOrCreate()).open_table("texts")
    texts.add_columns({"embedding": Embed()})
    result = texts.backfill("embedding")
    print(f"\nembedding: {result.status}, {result.rows_computed:,} rows in {result.elapsed_ms / 1000:.1f} s")

    # Any reader of Lance finds the nearest ones.
    table = lance.dataset(Path(os.environ["QUICKSTART_WORK"]) / "tables/texts.lance")
    embed = Embed()
    embed.setup()
    for query, vector in zip(QUERIES, embed(pa.array(QUERIES))):
        found = table.to_table(
            columns=["text", "_distance"], filter="language = 'en'", prefilter=True,
            nearest={"column": "embedding", "q": vector, "k": 3},
        )
        print(f"nearest to '{query}': {', '.join(found['text'].to_pylist())}")


if __name__ == "__main__":
    main()
