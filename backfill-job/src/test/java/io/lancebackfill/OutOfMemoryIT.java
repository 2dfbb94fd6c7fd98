package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.job.GreedyFunction;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A function that needs more memory for its batch than an executor has. */
class OutOfMemoryIT {
  /** Four fragments of 256 rows: a batch of as many takes 1 GiB, one of 64 a quarter of it. */
  private static final String PROGRAM =
      """
      import json, sys
      from pyspark.sql import SparkSession
      spark = SparkSession.builder.getOrCreate()
      spark.sql("CREATE TABLE lance.default.t TBLPROPERTIES ('file_format_version'='2.1') AS"
                " SELECT id FROM range(0, 1024, 1, 4)").collect()
      spark.sql("CALL lance.system.register_function(name => 'greedy', kind => 'java',"
                " class => '%s')").collect()
      spark.sql("CALL lance.system.add_column('default.t', 'v', 'greedy(id)')").collect()
      for size in sys.argv[1:]:
          row = spark.sql("CALL lance.system.backfill(table => 'default.t', column => 'v', batch_size => %%s,"
                          " job_id => 'of%%s')" %% (size, size)).first()
          right = spark.sql("SELECT count(*) FROM lance.default.t WHERE v = id * 2").first()[0]
          events = spark.sql("CALL lance.system.job('default.t', 'of%%s')" %% size).collect()
          print("%%s: %%s %%d" %% (size, row.status, right))
          for event in events:
              if event.event == "LOST":
                  print("lost:", event.message)
          print("note:", row.note)
      """
          .formatted(GreedyFunction.class.getName());

  @TempDir private Path folder;
  private SparkDistribution spark;

  @BeforeEach
  void install() throws IOException {
    spark = new SparkDistribution(folder);
    spark.conf("spark.sql.extensions", "io.lancebackfill.sql.LanceBackfillExtensions");
    spark.conf("spark.sql.catalog.lance", "io.lancebackfill.catalog.LanceBackfillCatalog");
    spark.jar(jarOf(GreedyFunction.class));
  }

  private Path jarOf(Class<?> type) throws IOException {
    String name = type.getName().replace('.', '/') + ".class";
    Path jar = folder.resolve("functions.jar");
    try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar));
        InputStream in = type.getClassLoader().getResourceAsStream(name)) {
      out.putNextEntry(new JarEntry(name));
      Objects.requireNonNull(in).transferTo(out);
      out.closeEntry();
    }
    return jar;
  }

  @Test
  void itsFragmentIsComputedInSmallerBatchesAndThenSetAside() throws Exception {
    try (var ignored = StandaloneCluster.start(spark, folder);
        SparkRun run = spark.python(PROGRAM, "1024", "256")) {
      List<String> lines = run.output().lines().toList();
      // A quarter of 1024 rows is a whole fragment still.
      assertThat(lines).contains("1024: DONE_WITH_ERRORS 768");
      assertThat(lines)
          .anyMatch(
              line ->
                  line.startsWith("lost: [EXECUTOR_OUT_OF_MEMORY] Fragment 3 is set aside")
                      && line.contains("An executor has 700 MiB of heap, and 384 MiB beside it")
                      && line.contains("give a smaller batch_size"));
      assertThat(lines)
          .anyMatch(line -> line.startsWith("note: [EXECUTOR_OUT_OF_MEMORY] Fragments [3]"));
      assertThat(lines).contains("256: DONE 1024");
      int second = lines.indexOf("256: DONE 1024");
      assertThat(lines.subList(second, lines.size()))
          .filteredOn(line -> line.startsWith("lost: "))
          .singleElement()
          .asString()
          .startsWith("lost: A process that computed fragment 3 ran out of memory;")
          .containsAnyOf("Command exited with code 52", "java.lang.OutOfMemoryError");
    }
  }
}
