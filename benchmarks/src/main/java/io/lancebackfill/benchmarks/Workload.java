package io.lancebackfill.benchmarks;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;

/**
 * A table and the columns to fill in it, as kept in {@code workloads/*.json}.
 *
 * @param columns of the table, besides {@code id}
 */
record Workload(
    String name,
    long rows,
    int fragments,
    String fileFormatVersion,
    List<Column> columns,
    List<Fill> fills) {

  /**
   * A column that fills read.
   *
   * @param expression SQL that makes its value from {@code id}
   * @param vector elements of a float32 vector, or 0 for another type
   */
  record Column(String name, String expression, int vector) {}

  /**
   * One column, said twice: in SQL and in Java.
   *
   * @param input the column that it reads
   * @param expression SQL over {@code input}
   * @param function a ColumnUdf over {@code input} that gives the same values
   * @param vector elements of a float32 vector, or 0 for an int32
   */
  record Fill(String name, String input, String expression, String function, int vector) {
    /** The type as add_column takes it. */
    String dataType() {
      return vector == 0 ? "int" : "fixed_size_list<float>[" + vector + "]";
    }

    long rawBytes(long rows) {
      return rows * Math.max(1, vector) * 4L;
    }
  }

  /**
   * Reads a workload by its name.
   *
   * @throws IllegalArgumentException if there is none of that name
   */
  static Workload load(String name) throws IOException {
    String resource = "/workloads/" + name + ".json";
    try (InputStream in = Workload.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw new IllegalArgumentException("There is no workload " + name + " at " + resource);
      }
      return new ObjectMapper()
          .setPropertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .readValue(in, Workload.class);
    }
  }

  Workload withSize(long newRows, int newFragments) {
    return new Workload(name, newRows, newFragments, fileFormatVersion, columns, fills);
  }
}
