package io.lancebackfill.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Tables of pylance's with columns that Spark or lance-spark cannot read, and with blobs. */
class TestForeignColumns {

  @RegisterExtension private static final BackfillSession session = new BackfillSession();

  @BeforeAll
  static void start() {
    Pylance.run(
        session.root(),
        """
        import decimal, numpy as np
        n = 6
        def col(values, type): return pa.array([values[i % len(values)] for i in range(n)], type)
        half = pa.array(np.arange(n, dtype=np.float16))
        columns = {
            'id': pa.array(range(n), pa.int64()),
            't': pa.array(['t' * i for i in range(n)]),
            'ns': col([1, None, 1_000_000_000], pa.timestamp('ns')),
            'ns_tz': col([1, None, 3], pa.timestamp('ns', 'Europe/Berlin')),
            'ms': col([1, None, 3], pa.timestamp('ms')),
            'half': half,
            'time_s': col([1, None, 3], pa.time32('s')),
            'time_us': col([1, None, 3], pa.time64('us')),
            'duration': col([1, None, 3], pa.duration('ms')),
            'wide': col([decimal.Decimal('1.5'), None], pa.decimal256(50, 2)),
            'large_list': col([[1], None], pa.large_list(pa.int32())),
            'list_ns': col([[1], None], pa.list_(pa.timestamp('ns'))),
            'struct_ns': col([{'a': 1, 'b': 2}], pa.struct([('a', pa.timestamp('ns')), ('b', pa.int32())])),
            'half_vector': pa.FixedSizeListArray.from_arrays(pa.array(np.arange(2 * n, dtype=np.float16)), 2),
            'json': pa.ExtensionArray.from_storage(pa.json_(), col(['{}'], pa.string())),
            'byte': col([1, None, 200], pa.uint8()),
            'word': col([1, None, 4_000_000_000], pa.uint32()),
            'bytes': col([[1, 200], None, []], pa.list_(pa.uint8())),
            'large': col(['a', None], pa.large_string()),
            'fixed': col([b'abc', None], pa.binary(3)),
            'uuid': pa.ExtensionArray.from_storage(pa.uuid(), col([b'0' * 16], pa.binary(16))),
            'nothing': pa.nulls(n),
            'map': col([[('a', 1)], None], pa.map_(pa.string(), pa.int32())),
        }
        for name in ('named', 'plain', 'uri'):
            lance.write_dataset(pa.table(columns), f'{uri}/{name}.lance', data_storage_version='2.2', max_rows_per_file=3)
        """);
  }

  @ParameterizedTest
  @CsvSource({"lance,lance.named", "plain,plain.plain", "lance,uri"})
  void whatIsNotReadDoesNoHarm(String catalog, String name) {
    String table = name.equals("uri") ? session.root().resolve("uri.lance").toString() : name;
    Path folder = session.root().resolve(name.replaceFirst(".*\\.", "") + ".lance");
    String call = "CALL " + catalog + ".system.";
    session.sql(call + "add_column('%s', 'n', 'length(t)')", table);
    session.sql(call + "backfill('%s', 'n', dry_run => true)", table);
    backfilled(call + "backfill('%s', 'n', where => 'id < 4')", table, 4);
    backfilled(call + "backfill('%s', 'n')", table, 2);
    assertThat(
            session.sql(call + "coverage('%s', 'n')", table).collectAsList().stream()
                .mapToLong(row -> row.getAs("fresh"))
                .sum())
        .isEqualTo(6);
    session.sql(call + "alter_column('%s', 'n', 'length(t) + 1')", table);
    backfilled(call + "backfill('%s', 'n')", table, 6);
    session.sql(call + "jobs('%s')", table).collect();
    session.sql(call + "clean('%s')", table).collect();
    assertThat(
            Pylance.run(
                folder, "print(lance.dataset(uri).to_table(columns=['n'])['n'].to_pylist())"))
        .isEqualTo("[1, 2, 3, 4, 5, 6]");
    for (String column :
        List.of(
            "ns",
            "ns_tz",
            "ms",
            "half",
            "time_s",
            "time_us",
            "duration",
            "wide",
            "large_list",
            "list_ns",
            "struct_ns",
            "half_vector",
            "json")) {
      named(call + "add_column('%s', 'r', '" + column + " IS NULL')", table, column);
      named(call + "alter_column('%s', 'n', 'length(t) + hash(" + column + ")')", table, column);
      named(call + "backfill('%s', 'n', where => '" + column + " IS NULL')", table, column);
    }
    session.sql(
        call
            + "add_column('%s', 'r', 'concat_ws(\",\", byte, word, bytes, large, hex(fixed),"
            + " length(uuid), nothing, map[\"a\"])')",
        table);
    backfilled(call + "backfill('%s', 'r')", table, 6);
    session.sql(call + "drop_column('%s', 'n')", table);
    assertThat(
            Pylance.run(
                folder, "print(lance.dataset(uri).to_table(columns=['r'])['r'].to_pylist()[:3])"))
        .isEqualTo("['1,1,1,200,a,616263,16,1', '16', '200,4000000000,a,616263,16,1']");
    session.sql(call + "drop_column('%s', 'r')", table);
  }

  private static void backfilled(String call, String table, long rows) {
    assertThat(session.sql(call, table).first().<Long>getAs("rows_computed")).isEqualTo(rows);
  }

  private static void named(String call, String table, String column) {
    assertThatThrownBy(() -> session.sql(call, table))
        .hasMessageContaining("[UNSUPPORTED_TYPE]")
        .hasMessageContaining("reads column '" + column + "', which Spark cannot: its type is")
        .hasMessageContaining("Add a copy of a type that Spark has, with pylance");
  }

  @ParameterizedTest
  @CsvSource({"2.0,false", "2.1,false", "2.1,true", "2.2,false", "2.2,true"})
  void blobsAreReadAsBytes(String format, boolean stableRowIds) {
    Path table =
        session.root().resolve("blobs_" + format.replace('.', '_') + stableRowIds + ".lance");
    Pylance.run(
        table,
        """
        values = [b'abc', None, b'', b'x' * 100, b'y' * (3 << 20), b'z' * (9 << 20)] + [b'w' * (1 << 20)] * 18
        ids = pa.array(range(24), pa.int64())
        if FORMAT < '2.2':
            field = pa.field('b', pa.large_binary(), metadata={'lance-encoding:blob': 'true'})
            blobs = pa.array(values, pa.large_binary())
        else:
            field, blobs = lance.blob_field('b'), lance.blob_array(values)
        lance.write_dataset(
            pa.table({'id': ids, 'b': blobs}, schema=pa.schema([pa.field('id', pa.int64()), field])),
            uri, data_storage_version=FORMAT, max_rows_per_file=16, enable_stable_row_ids=STABLE)
        table = lance.dataset(uri)
        table.delete('id = 8')
        """
            .replace("FORMAT", "'" + format + "'")
            .replace("STABLE", stableRowIds ? "True" : "False"));
    session.call("add_column('%s', 'size', 'length(b)')", table);
    session.call("add_column('%s', 'hash', 'sha2(b, 256)')", table);
    session.call("backfill('%s', 'size', where => 'b IS NULL OR length(b) > 1000')", table);
    session.call("backfill('%s', 'size')", table);
    assertThat(session.call("backfill('%s', 'hash')", table).<Long>getAs("rows_computed"))
        .isEqualTo(23);
    assertThat(
            Pylance.run(
                table,
                """
                import hashlib
                values = [b'abc', None, b'', b'x' * 100, b'y' * (3 << 20), b'z' * (9 << 20)] + [b'w' * (1 << 20)] * 18
                rows = lance.dataset(uri).to_table(columns=['id', 'size', 'hash']).to_pylist()
                for row in rows:
                    value = values[row['id']]
                    assert row['size'] == (None if value is None else len(value)), row
                    assert row['hash'] == (None if value is None else hashlib.sha256(value).hexdigest()), row
                print(len(rows))
                """))
        .isEqualTo("23");
  }
}
