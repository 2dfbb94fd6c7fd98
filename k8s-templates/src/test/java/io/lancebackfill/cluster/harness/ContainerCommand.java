package io.lancebackfill.cluster.harness;

import io.fabric8.kubernetes.api.model.Container;
import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.regex.Pattern;

/** The command of a container: its own, or what the entry point of a Spark image would run. */
final class ContainerCommand {
  private static final String OPTION = "SPARK_JAVA_OPT_";
  private static final Pattern SPACE = Pattern.compile("\\s+");

  private final LocalImage image;
  private final Map<String, String> env;
  private final PodPaths paths;
  private final Path hosts;

  ContainerCommand(LocalImage image, Map<String, String> env, PodPaths paths, Path hosts) {
    this.image = image;
    this.env = env;
    this.paths = paths;
    this.hosts = hosts;
  }

  List<String> of(Container container) throws IOException {
    List<String> args = container.getArgs().stream().map(paths::rewrite).toList();
    if (!container.getCommand().isEmpty() || args.isEmpty()) {
      List<String> own =
          new ArrayList<>(container.getCommand().stream().map(paths::rewrite).toList());
      own.addAll(args);
      return own;
    }
    return switch (args.get(0)) {
      case "executor" -> executor();
      case "driver" -> driver(args.subList(1, args.size()));
      default -> args;
    };
  }

  private List<String> executor() {
    String memory = env.get("SPARK_EXECUTOR_MEMORY");
    List<String> command = java();
    env.entrySet().stream()
        .filter(each -> each.getKey().startsWith(OPTION))
        .sorted(
            Comparator.comparingInt(
                each -> Integer.parseInt(each.getKey().substring(OPTION.length()))))
        .forEach(each -> command.add(each.getValue()));
    command.addAll(
        List.of(
            "-Xms" + memory,
            "-Xmx" + memory,
            "-cp",
            classPath(Optional.ofNullable(env.get("SPARK_CLASSPATH"))),
            "org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend",
            "--driver-url",
            env.get("SPARK_DRIVER_URL"),
            "--executor-id",
            env.get("SPARK_EXECUTOR_ID"),
            "--cores",
            env.get("SPARK_EXECUTOR_CORES"),
            "--app-id",
            env.get("SPARK_APPLICATION_ID"),
            "--hostname",
            env.get("SPARK_EXECUTOR_POD_IP"),
            "--resourceProfileId",
            env.get("SPARK_RESOURCE_PROFILE_ID"),
            "--podName",
            env.get("SPARK_EXECUTOR_POD_NAME")));
    return command;
  }

  /** With those settings of the driver's JVM that spark-submit's script would read. */
  private List<String> driver(List<String> args) throws IOException {
    Properties conf = new Properties();
    int file = args.indexOf("--properties-file");
    if (file >= 0) {
      try (Reader reader = Files.newBufferedReader(Path.of(args.get(file + 1)))) {
        conf.load(reader);
      }
    }
    List<String> command = java();
    SPACE
        .splitAsStream(conf.getProperty("spark.driver.extraJavaOptions", ""))
        .filter(option -> !option.isEmpty())
        .forEach(command::add);
    command.add("-Xmx" + conf.getProperty("spark.driver.memory", "1g"));
    command.addAll(
        List.of(
            "-cp",
            classPath(Optional.ofNullable(conf.getProperty("spark.driver.extraClassPath"))),
            "org.apache.spark.deploy.SparkSubmit",
            "--conf",
            "spark.driver.bindAddress=" + env.get("SPARK_DRIVER_BIND_ADDRESS"),
            "--deploy-mode",
            "client"));
    paths
        .find(PodVolumes.ACCOUNT)
        .ifPresent( // Spark and fabric8 know no other place for these than that in a container
            account -> {
              env.put("KUBERNETES_AUTH_SERVICEACCOUNT_TOKEN", account.resolve("token").toString());
              command.addAll(
                  List.of(
                      "--conf",
                      "spark.kubernetes.authenticate.driver.mounted.caCertFile="
                          + account.resolve("ca.crt")));
            });
    command.addAll(args);
    return command;
  }

  private List<String> java() {
    List<String> command =
        new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin/java").toString()));
    command.addAll(image.javaOptions());
    command.add("-Djdk.net.hosts.file=" + hosts);
    return command;
  }

  private String classPath(Optional<String> extra) {
    return extra.map(each -> each + ":").orElse("") + image.classPath();
  }
}
