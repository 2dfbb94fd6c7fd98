-- 73,416 short texts in 8 fragments, and three computed columns: an SQL expression, a Java function on Arrow batches,
-- and a model in Python.
CREATE TABLE lance.texts AS SELECT /*+ REPARTITION(8) */ * FROM parquet.`texts.parquet`;

CALL lance.system.register_function('letter_frequencies', 'java', 'io.lancebackfill.udf.example.LetterFrequencies');

CALL lance.system.add_column('texts', 'words', 'size(split(text, " "))');

CALL lance.system.add_column('texts', 'letters', 'letter_frequencies(text)');

CALL lance.system.add_column('texts', 'detected', 'detect_language(text)');

CALL lance.system.backfill('texts', 'words');

CALL lance.system.backfill('texts', 'letters');
