package io.lancebackfill.cluster.files;

import io.lancebackfill.cluster.ClusterSpec;
import io.lancebackfill.cluster.ClusterSpecException;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The main class that writes a cluster's deployment files: {@code DEFINITION FOLDER [--conf
 * KEY=VALUE ...] [-- ARGUMENTS OF BACKFILLMAIN]}. Prints the names of the files, and warnings on
 * standard error. Exit codes: 0 written, 1 refused, 2 wrong usage.
 */
public final class GenerateDeploymentFiles {
  private static final String USAGE =
      "usage: GenerateDeploymentFiles DEFINITION FOLDER [--conf KEY=VALUE ...] [-- ARGUMENTS OF"
          + " BACKFILLMAIN]";

  private GenerateDeploymentFiles() {}

  public static void main(String[] arguments) {
    int exitCode = run(List.of(arguments), System.out, System.err);
    if (exitCode != 0) {
      System.exit(exitCode);
    }
  }

  static int run(List<String> arguments, PrintStream out, PrintStream err) {
    Map<String, String> conf = new TreeMap<>();
    List<String> ofJob = new ArrayList<>();
    List<String> places = new ArrayList<>();
    for (int i = 0; i < arguments.size(); i++) {
      String argument = arguments.get(i);
      if (argument.equals("--")) {
        ofJob.addAll(arguments.subList(i + 1, arguments.size()));
        break;
      } else if (argument.equals("--conf")) {
        i++;
        String setting = i < arguments.size() ? arguments.get(i) : "";
        int equals = setting.indexOf('=');
        if (equals < 1) {
          err.println(USAGE);
          return 2;
        }
        conf.put(setting.substring(0, equals), setting.substring(equals + 1));
      } else {
        places.add(argument);
      }
    }
    if (places.size() != 2) {
      err.println(USAGE);
      return 2;
    }
    try {
      write(Path.of(places.get(0)), Path.of(places.get(1)), new BackfillJob(conf, ofJob), out, err);
      return 0;
    } catch (ClusterSpecException | IllegalArgumentException e) {
      err.println(e.getMessage());
    } catch (IOException e) {
      err.println(
          "[CLUSTER_FILES_UNWRITTEN] " + e + ". Check the two places and the rights there.");
    }
    return 1;
  }

  private static void write(
      Path definition, Path folder, BackfillJob job, PrintStream out, PrintStream err)
      throws IOException {
    ClusterSpec cluster = ClusterSpec.parse(Files.readString(definition));
    cluster.warnings().forEach(warning -> err.println("warning: " + warning));
    Map<String, String> files = DeploymentFiles.of(cluster, job);
    Files.createDirectories(folder);
    for (Map.Entry<String, String> file : files.entrySet()) {
      Files.writeString(folder.resolve(file.getKey()), file.getValue());
      out.println(file.getKey());
    }
  }
}
