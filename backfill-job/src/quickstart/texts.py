"""Writes the quick start's texts as Parquet, and prints how many they are: texts.py FILE [NUMBER]

They are the names of 5,244 emoji in 14 languages, 73,416 texts whose language is known; or the first NUMBER of them.
"""

import sys

import emoji
import pyarrow as pa
import pyarrow.parquet as pq


def main(file: str, number: int | None = None) -> None:
    for language in emoji.LANGUAGES:
        emoji.config.load_language(language)
    rows = [
        (name[language].strip(":").replace("_", " "), language, symbol)
        for symbol, name in emoji.EMOJI_DATA.items()
        for language in emoji.LANGUAGES
    ][:number]
    text, language, symbol = zip(*rows)
    table = pa.table({"id": pa.array(range(len(rows)), pa.int64()), "text": text, "language": language, "emoji": symbol})
    pq.write_table(table, file)
    print(len(rows))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
