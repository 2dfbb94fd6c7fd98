package io.lancebackfill.job;

import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.cluster.ClusterSpec;
import io.lancebackfill.cluster.spark.Sizing;
import io.lancebackfill.context.GroupResources;
import io.lancebackfill.resource.FunctionResources;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The table of docs/clusters.md that says what jobs request of the definitions beside it. */
class TestSizingGuide {
  private static final Path GUIDE = Path.of("..", "docs", "clusters.md");
  private static final String BEGIN = "<!-- Made by TestSizingGuide -->\n";
  private static final String END = "<!-- Up to here -->";

  /** The tasks at once that each definition is asked for, on CPUs and on GPUs. */
  private static final Map<String, List<List<Integer>>> ASKED =
      Map.of(
          "small", List.of(List.of(1, 4, 8), List.of(1)),
          "medium", List.of(List.of(8, 64), List.of(1, 8)),
          "large", List.of(List.of(64, 512), List.of(8, 64)));

  private static String table() throws IOException {
    StringBuilder table =
        new StringBuilder(
            "| definition | `concurrency` of | pods | tasks in each | heap and overhead of a pod | in all, with the driver |\n"
                + "|---|---|---|---|---|---|\n");
    for (String name : List.of("small", "medium", "large")) {
      ClusterSpec cluster =
          ClusterSpec.parse(
              Files.readString(GUIDE.resolveSibling("clusters").resolve(name + ".yaml")));
      List<List<Integer>> asked = ASKED.get(name);
      for (int gpus = 0; gpus < 2; gpus++) {
        for (int concurrency : asked.get(gpus)) {
          Sizing sizing =
              GroupResources.sizing(
                      cluster, null, new FunctionResources(1, gpus, 0), concurrency, true)
                  .orElseThrow();
          assertThat(sizing.concurrency()).isEqualTo(concurrency);
          table.append(line(name, sizing, concurrency));
        }
      }
    }
    return table.toString();
  }

  private static String line(String name, Sizing sizing, int concurrency) {
    return "| [%s](clusters/%s.yaml) | %d %s tasks | %d of group %s | %d | %s, %s | %d CPUs, %s%s |\n"
        .formatted(
            name,
            name,
            concurrency,
            sizing.tasks().gpus() > 0 ? "GPU" : "CPU",
            sizing.executors(),
            sizing.group().name(),
            sizing.tasks().tasks(),
            memory(sizing.tasks().heapMib()),
            memory(sizing.tasks().overheadMib()),
            sizing.cpus(),
            memory(sizing.memoryMib()),
            sizing.gpus() == 0 ? "" : ", " + sizing.gpus() + " GPUs");
  }

  private static String memory(long mib) {
    return mib % 1024 == 0 ? mib / 1024 + "Gi" : String.format(Locale.ROOT, "%.1fGi", mib / 1024.0);
  }

  @Test
  void theTableOfTheGuideIsWhatJobsRequest() throws IOException {
    String guide = Files.readString(GUIDE);
    int from = guide.indexOf(BEGIN) + BEGIN.length();
    int to = guide.indexOf(END);
    assertThat(guide).contains(BEGIN, END);
    if (Boolean.getBoolean("readme.write")) {
      Files.writeString(GUIDE, guide.substring(0, from) + table() + guide.substring(to));
      return;
    }
    assertThat(guide.substring(from, to))
        .as("docs/clusters.md is not what the code gives: run this test with -Dreadme.write=true")
        .isEqualTo(table());
  }
}
