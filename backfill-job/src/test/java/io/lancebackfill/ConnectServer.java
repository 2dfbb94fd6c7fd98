package io.lancebackfill;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A Spark Connect server of a distribution, and programs that use it from processes of their own.
 */
final class ConnectServer implements AutoCloseable {
  private static final Pattern STARTED =
      Pattern.compile("Spark Connect server started at: \\S*:(\\d+)");

  private final SparkRun server;
  private final String port;

  ConnectServer(SparkDistribution spark) {
    spark.conf("spark.connect.grpc.binding.port", "0");
    server =
        spark.submit(
            "--jars",
            System.getProperty("test.connect"),
            "--class",
            "org.apache.spark.sql.connect.service.SparkConnectServer");
    server.awaitText("Spark Connect server started at");
    Matcher started = STARTED.matcher(server.stderr());
    if (!started.find()) {
      throw new AssertionError("no port in\n" + server.stderr());
    }
    port = started.group(1);
  }

  /** Starts a Python program that has {@code spark}, a session of the server. */
  SparkRun client(Path folder, Map<String, String> variables, String program) throws IOException {
    String session =
        """
        from pyspark.sql.connect.session import SparkSession
        spark = SparkSession.builder.remote("sc://127.0.0.1:%s").getOrCreate()
        """
            .formatted(port);
    return plainPython(folder, variables, session + program);
  }

  /** Starts a Python program without anything of a Spark in its environment. */
  static SparkRun plainPython(Path folder, Map<String, String> variables, String program)
      throws IOException {
    Path work = Files.createDirectories(folder);
    Path file = Files.writeString(work.resolve("client.py"), program);
    ProcessBuilder builder =
        new ProcessBuilder(System.getProperty("test.python"), file.toString())
            .directory(work.toFile());
    builder
        .environment()
        .keySet()
        .removeIf(name -> name.startsWith("SPARK_") || name.startsWith("PYSPARK_"));
    builder.environment().put("JAVA_TOOL_OPTIONS", SparkClasses.jvmOptionsOfSparkAlone());
    builder.environment().putAll(variables);
    return SparkRun.start(builder, work);
  }

  @Override
  public void close() {
    server.close();
  }
}
