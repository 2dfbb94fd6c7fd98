package io.lancebackfill.datasource.read;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.lancebackfill.datasource.LanceFixture;
import io.lancebackfill.datasource.LocalSpark;
import io.lancebackfill.datasource.table.DatasetException.Kind;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceTables;
import io.lancebackfill.datasource.table.TableSnapshot;
import java.io.Serializable;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.sql.Timestamp;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.IntStream;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.execution.QueryExecution;
import org.apache.spark.sql.execution.SparkPlan;
import org.apache.spark.sql.execution.datasources.v2.BatchScanExec;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.util.QueryExecutionListener;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.roaringbitmap.RoaringBitmap;
import scala.collection.JavaConverters;

@ExtendWith(LocalSpark.class)
class TestFragmentTable {
  @TempDir private static Path shared;
  private static DatasetRef sample;

  private final SparkSession spark;

  TestFragmentTable(SparkSession spark) {
    this.spark = spark;
  }

  @BeforeAll
  static void aTable() {
    sample = Samples.table(shared.resolve("sample.lance"), "2.1", 30, 10, 20);
  }

  /** The ids of each partition, in partition order. */
  private static List<List<Integer>> idsByPartition(Dataset<Row> rows) {
    List<String> lines =
        rows.select("id")
            .mapPartitions(
                (MapPartitionsFunction<Row, String> & Serializable)
                    partition -> {
                      StringBuilder line =
                          new StringBuilder().append(TaskContext.getPartitionId()).append(':');
                      while (partition.hasNext()) {
                        line.append(partition.next().getInt(0)).append(' ');
                      }
                      return List.of(line.toString()).iterator();
                    },
                Encoders.STRING())
            .collectAsList();
    List<List<Integer>> ids = new ArrayList<>();
    for (String line : lines) {
      String[] parts = line.split(":", -1);
      assertThat(parts[0]).isEqualTo(String.valueOf(ids.size()));
      ids.add(
          parts[1].isBlank()
              ? List.of()
              : Arrays.stream(parts[1].strip().split(" ")).map(Integer::valueOf).toList());
    }
    return ids;
  }

  private static List<Integer> ints(int from, int to) {
    return IntStream.range(from, to).boxed().toList();
  }

  @Test
  void partitionsAreTheRangesAlsoTheEmptyOnes() {
    TableSnapshot table = LanceTables.latest(sample);
    List<FragmentRange> ranges =
        List.of(
            new FragmentRange(2, 5, 9, null),
            new FragmentRange(0, 30, 60, null),
            new FragmentRange(0, 0, 3, null),
            new FragmentRange(1, 4, 4, null),
            new FragmentRange(0, 0, 30, null).skipping(all(30)),
            new FragmentRange(1, 0, 10, null).skipping(RoaringBitmap.bitmapOf(0, 5, 9)),
            new FragmentRange(2, 5, 9, null));
    Dataset<Row> rows = FragmentTable.of(table, ranges, 4).toDataFrame(spark);
    assertThat(idsByPartition(rows))
        .containsExactly(
            ints(2005, 2009),
            List.of(),
            ints(0, 3),
            List.of(),
            List.of(),
            List.of(1001, 1002, 1003, 1004, 1006, 1007, 1008),
            ints(2005, 2009));
    assertThat(idsByPartition(rows.where("id in (1, 2006) and s is not null")))
        .containsExactly(
            List.of(2006), List.of(), List.of(1), List.of(), List.of(), List.of(), List.of(2006));
    assertThat(idsByPartition(rows.where("id = -1"))).hasSize(7).allMatch(List::isEmpty);
  }

  private static RoaringBitmap all(int rows) {
    RoaringBitmap offsets = new RoaringBitmap();
    offsets.add(0L, rows);
    return offsets;
  }

  @Test
  void wholeFragmentsKeepTheirPartitionsUnderPushedFilters() {
    Dataset<Row> rows = FragmentTable.of(LanceTables.latest(sample)).toDataFrame(spark);
    assertThat(idsByPartition(rows))
        .containsExactly(ints(0, 30), ints(1000, 1010), ints(2000, 2020));
    assertThat(idsByPartition(rows.where("id >= 2018")))
        .containsExactly(List.of(), List.of(), List.of(2018, 2019));
    assertThat(pushed(rows.where("id >= 2018"))).contains("`id` >= 2018");
  }

  @Test
  void noRangesAreNoPartitions() {
    Dataset<Row> rows =
        FragmentTable.of(LanceTables.latest(sample), List.of(), 10).toDataFrame(spark);
    assertThat(rows.collectAsList()).isEmpty();
    assertThat(rows.rdd().getNumPartitions()).isZero();
  }

  @Test
  void everyTypeArrives() {
    Dataset<Row> rows = FragmentTable.of(LanceTables.latest(sample)).toDataFrame(spark);
    assertThat(rows.schema().fieldNames())
        .containsExactly(Arrays.stream(Samples.FIELDS).map(Field::getName).toArray(String[]::new));
    StructField vector = rows.schema().apply("v");
    assertThat(vector.dataType()).isEqualTo(DataTypes.createArrayType(DataTypes.FloatType, true));
    assertThat(vector.metadata().getLong("arrow.fixed-size-list.size")).isEqualTo(4);
    List<Row> all = rows.collectAsList();
    assertThat(all).hasSize(60);
    for (Row row : all) {
      int id = row.getInt(0);
      if (Samples.isNull(id)) {
        for (int i = 1; i < row.size(); i++) {
          assertThat(row.isNullAt(i)).as("column %s of %s", i, id).isTrue();
        }
        continue;
      }
      String text = Samples.text(id);
      assertThat((String) row.getAs("s")).isEqualTo(text);
      assertThat((Long) row.getAs("l")).isEqualTo(Samples.number(id));
      assertThat((Byte) row.getAs("ti")).isEqualTo((byte) id);
      assertThat((Short) row.getAs("si")).isEqualTo((short) (id * 31));
      assertThat((Boolean) row.getAs("b")).isEqualTo(id % 2 == 1);
      if (id > 2) { // beyond them java.sql.Date counts in another calendar
        assertThat(row.getAs("d").toString())
            .isEqualTo(LocalDate.ofEpochDay(Samples.day(id)).toString());
      }
      double x = row.getAs("x");
      assertThat(Double.isNaN(x) ? -1 : x).isEqualTo(id % 7 == 0 ? -1 : id / 4.0);
      Timestamp ts = row.getAs("ts");
      assertThat(ts.toInstant().toEpochMilli()).isEqualTo(id * 1_000_001L / 1000);
      BigDecimal dec = row.getAs("dec");
      assertThat(dec).isEqualByComparingTo(BigDecimal.valueOf(id, 2));
      assertThat((byte[]) row.getAs("bin")).isEqualTo(text.getBytes(StandardCharsets.UTF_8));
      assertThat((String) row.getAs("big")).isEqualTo(text);
      List<Float> v = row.getList(row.fieldIndex("v"));
      assertThat(v).containsExactly(id + 0f, id + 0.25f, id + 0.5f, id + 0.75f);
      Row st = row.getStruct(row.fieldIndex("st"));
      assertThat(st.getInt(0)).isEqualTo(id);
      assertThat(st.getString(1)).isEqualTo(text);
      List<Integer> li = row.getList(row.fieldIndex("li"));
      assertThat(li).isEqualTo(ints(id, id + id % 4));
      assertThat((Integer) row.getAs("we ird")).isEqualTo(id);
    }
  }

  @Test
  void partsOfStructsAndListsAreSelected() {
    List<Row> rows =
        FragmentTable.of(LanceTables.latest(sample))
            .toDataFrame(spark)
            .selectExpr("st.t", "li[0]", "id", "size(v)", "_rowaddr")
            .where("st.n = 1007")
            .collectAsList();
    assertThat(rows).hasSize(1);
    assertThat(rows.get(0).toSeq().mkString(","))
        .isEqualTo("ä1007,1007,1007,4," + ((1L << 32) + 7));
  }

  @Test
  void metadataColumnsAreSelectedByName() {
    DatasetRef ref = Samples.table(shared.resolve("meta.lance"), "2.1", 6, 6);
    LanceFixture.delete(ref, "id in (1, 1000)");
    Dataset<Row> rows = FragmentTable.of(LanceTables.latest(ref)).toDataFrame(spark);
    assertThat(rows.schema().fieldNames()).doesNotContain("_rowaddr", "_fragid");
    List<String> found =
        rows.select("_rowaddr", "id", "_fragid").where("_rowaddr % 2 = 1").collectAsList().stream()
            .map(Row::toString)
            .toList();
    assertThat(found)
        .containsExactly(
            "[3,3,0]",
            "[5,5,0]",
            "[4294967297,1001,1]",
            "[4294967299,1003,1]",
            "[4294967301,1005,1]");
    assertThat(rows.select("_fragid").groupBy("_fragid").count().orderBy("_fragid").collectAsList())
        .extracting(Row::toString)
        .containsExactly("[0,5]", "[1,5]");
    assertThat(rows.select("_rowaddr").schema().apply("_rowaddr").dataType())
        .isEqualTo(DataTypes.LongType);
    assertThat(rows.select("_fragid").schema().apply("_fragid").dataType())
        .isEqualTo(DataTypes.IntegerType);
  }

  @Test
  void onlyAskedColumnsAreRead() {
    Dataset<Row> rows = FragmentTable.of(LanceTables.latest(sample)).toDataFrame(spark);
    assertThat(scan(rows.select("s", "_rowaddr")).schema().fieldNames())
        .containsExactly("s", "_rowaddr");
    assertThat(scan(rows.selectExpr("id + 1").where("b")).schema().fieldNames())
        .containsExactly("id", "b");
    assertThat(rows.count()).isEqualTo(60);
    assertThat(metric(rows.selectExpr("1 as one"), "lanceBytesRead")).isZero();
  }

  @Test
  void readsThePinnedVersionForEver() {
    DatasetRef ref = Samples.table(shared.resolve("pinned.lance"), "2.1", 6);
    Dataset<Row> pinned = FragmentTable.of(LanceTables.latest(ref)).toDataFrame(spark);
    LanceFixture.append(ref, 4, (root, fragment, i) -> root.getVector("s").setNull(i));
    LanceFixture.delete(ref, "id = 2");
    assertThat(pinned.count()).isEqualTo(6);
    assertThat(FragmentTable.of(LanceTables.latest(ref)).toDataFrame(spark).count()).isEqualTo(9);
  }

  @Test
  void showsWhatWasRead() {
    Dataset<Row> rows =
        FragmentTable.of(
                LanceTables.latest(sample),
                List.of(new FragmentRange(0, 0, 10, null), new FragmentRange(2, 3, 8, null)),
                100)
            .toDataFrame(spark)
            .select("id", "v");
    assertThat(metric(rows, "lanceRowsRead")).isEqualTo(15);
    assertThat(metric(rows, "lanceBytesRead")).isGreaterThanOrEqualTo(15 * (4 + 16));
    assertThat(metric(rows, "lanceReadMillis")).isBetween(0L, 60_000L);
    assertThat(Arrays.stream(FragmentReadMetrics.all()).map(metric -> metric.getClass()))
        .allSatisfy(type -> assertThat(type.getDeclaredConstructor().newInstance()).isNotNull());
  }

  private static long metric(Dataset<Row> rows, String name) {
    return scanAfterRun(rows).metrics().apply(name).value();
  }

  /** The scan of a plan that has run. */
  private static SparkPlan scanAfterRun(Dataset<Row> rows) {
    SparkSession spark = rows.sparkSession();
    List<QueryExecution> done = new CopyOnWriteArrayList<>();
    QueryExecutionListener listener =
        new QueryExecutionListener() {
          @Override
          public void onSuccess(String function, QueryExecution execution, long nanos) {
            if (execution == rows.queryExecution()) { // one before may be told of late
              done.add(execution);
            }
          }

          @Override
          public void onFailure(String function, QueryExecution execution, Exception error) {}
        };
    spark.listenerManager().register(listener);
    try {
      rows.collectAsList();
      Awaitility.await().until(() -> !done.isEmpty());
    } finally {
      spark.listenerManager().unregister(listener);
    }
    return scan(done.get(0).executedPlan());
  }

  static SparkPlan scan(Dataset<Row> rows) {
    return scan(rows.queryExecution().executedPlan());
  }

  private static SparkPlan scan(SparkPlan plan) {
    Iterator<SparkPlan> leaves = JavaConverters.asJavaIterator(plan.collectLeaves().iterator());
    SparkPlan scan = leaves.next();
    assertThat(scan.nodeName()).startsWith("BatchScan");
    return scan;
  }

  /** What Lance evaluates of a query. */
  static String pushed(Dataset<Row> rows) {
    String text = ((BatchScanExec) scan(rows)).scan().description();
    return text.substring(text.indexOf("pushed filters: ["));
  }

  @Test
  void estimatesWhatItWillRead() {
    TableSnapshot table = LanceTables.latest(sample);
    FragmentTable half =
        FragmentTable.of(
            table,
            List.of(
                new FragmentRange(0, 0, 15, null),
                new FragmentRange(1, 0, 99, null).skipping(RoaringBitmap.bitmapOf(1, 2))),
            10);
    FragmentScan scan = (FragmentScan) half.newScanBuilder(null).build();
    assertThat(scan.estimateStatistics().numRows().getAsLong()).isEqualTo(23);
    long files =
        table.fragments().stream().mapToLong(fragment -> fragment.files().get(0).bytes()).sum();
    assertThat(scan.estimateStatistics().sizeInBytes().getAsLong()).isPositive().isLessThan(files);
    assertThat((double) BatchSizes.fitting(table)).isCloseTo(8192, within(0.1));
  }

  @Test
  void refusesUnknownFragmentsAndEmptyBatches() {
    TableSnapshot table = LanceTables.latest(sample);
    assertThatThrownBy(() -> FragmentTable.of(table, List.of(new FragmentRange(9, 0, 1, null)), 10))
        .hasMessage(
            "Version %s of %s has no fragment 9. Plan the read on the fragments of that version.",
            table.version(), sample.uri())
        .extracting("kind")
        .isEqualTo(Kind.NOT_FOUND);
    assertThatThrownBy(() -> FragmentTable.of(table, List.of(), 0))
        .hasMessage("Batch size 0 is too small; give at least 1 row.");
  }

  @Test
  void theProviderReadsByNameOfTheFormat() {
    DatasetRef ref = Samples.table(shared.resolve("provided.lance"), "2.1", 6, 6);
    long version = LanceTables.latest(ref).version();
    LanceFixture.delete(ref, "id = 2");
    Dataset<Row> newest = spark.read().format("lance-fragments").option("uri", ref.uri()).load();
    assertThat(newest.count()).isEqualTo(11);
    assertThat(newest.select("_rowaddr").rdd().getNumPartitions()).isEqualTo(2);
    Dataset<Row> older =
        spark
            .read()
            .format("lance-fragments")
            .option("version", version)
            .option("batch_size", 2)
            .option("storage.aws_secret_access_key", "TOPSECRET")
            .load(ref.uri());
    assertThat(older.count()).isEqualTo(12);
    assertThat(older.queryExecution().toString() + older.queryExecution().analyzed().toJSON())
        .doesNotContain("TOPSECRET");
    older.createOrReplaceTempView("older");
    assertThat(spark.sql("SELECT s FROM older WHERE id = 1001").collectAsList())
        .extracting(row -> row.getString(0))
        .containsExactly("ä1001");
  }

  @Test
  void theProviderRefusesWhatItDoesNotKnow() {
    Map<Map<String, String>, String> faults =
        Map.of(
            Map.of("versoin", "1", "uri", "x"),
            "lance-fragments knows no option versoin; it takes uri, version, batch_size and"
                + " storage.<key>.",
            Map.of("uri", sample.uri(), "version", "0"),
            "The option version of lance-fragments is '0'; give a whole number from 1.",
            Map.of("uri", sample.uri(), "batch_size", "many"),
            "The option batch_size of lance-fragments is 'many'; give a whole number from 1 to"
                + " 1000000.",
            Map.of("uri", "a", "path", "b"),
            "lance-fragments was given the option uri a and the path b; give one of them.",
            Map.of("version", "1"),
            "lance-fragments was given no table; set the option uri to the address of a Lance"
                + " table.",
            Map.of("uri", shared.resolve("nothing").toString()),
            "Cannot open "
                + shared.resolve("nothing")
                + ": not a Lance table. Nothing that Lance"
                + " could read is at this address; check the uri, and the catalog's root if the"
                + " table was given by name.");
    faults.forEach(
        (options, message) ->
            assertThatThrownBy(() -> spark.read().format("lance-fragments").options(options).load())
                .hasMessage(message));
  }
}
