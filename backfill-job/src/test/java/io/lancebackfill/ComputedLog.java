package io.lancebackfill;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/** When and in which pod a Python function computed each row: it leaves a line for each. */
final class ComputedLog {
  /**
   * A function {@code logged(seconds)}, whose rows take so long and give twice their {@code id}.
   */
  static final String FUNCTION =
      """
      def logged(folder, seconds):
          os.makedirs(folder)
          @udf
          def twice(id: int) -> int:
              pod = os.environ.get("SPARK_EXECUTOR_POD_NAME", "none")
              with open(os.path.join(folder, "%s-%d" % (pod, os.getpid())), "a") as file:
                  file.write("%d %d %s\\n" % (id, time.time() * 1000, pod))
              time.sleep(seconds)
              return id * 2
          return twice
      """;

  private final Path folder;

  /**
   * @param folder of a {@code logged}, which makes it
   */
  ComputedLog(Path folder) {
    this.folder = folder;
  }

  Path folder() {
    return folder;
  }

  /** A computation of a row. */
  record Row(long id, long atMillis, String pod) {}

  /** All until now, by row. */
  Map<Long, List<Row>> rows() {
    Map<Long, List<Row>> rows = new TreeMap<>();
    if (!Files.exists(folder)) {
      return rows;
    }
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList()) {
        for (String line : Files.readAllLines(file)) {
          String[] words = line.split(" ", -1);
          if (words.length == 3 && !words[2].isEmpty()) { // else a process was killed over it
            Row row = new Row(Long.parseLong(words[0]), Long.parseLong(words[1]), words[2]);
            rows.computeIfAbsent(row.id(), id -> new ArrayList<>()).add(row);
          }
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return rows;
  }

  /** How many rows each pod has computed. */
  Map<String, Integer> byPod() {
    Map<String, Integer> pods = new TreeMap<>();
    rows().values().forEach(of -> of.forEach(row -> pods.merge(row.pod(), 1, Integer::sum)));
    return pods;
  }
}
