package io.lancebackfill.cluster.harness;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.apache.spark.launcher.JavaModuleOptions;

/**
 * What the name of a container image stands for on this machine.
 *
 * @param classPath what the image's {@code /opt/spark/jars} would hold; the image's Java code comes
 *     from nowhere else
 * @param paths paths inside the image to those on this machine; they are rewritten in arguments,
 *     environment and mounted files
 * @param javaOptions of every JVM in a container of this image, before those that Spark asks for
 * @param environment the image's own variables, which a container may override; nothing but {@code
 *     PATH} is taken over from this process
 */
public record LocalImage(
    String classPath,
    Map<String, Path> paths,
    List<String> javaOptions,
    Map<String, String> environment) {
  private static final Pattern SPACE = Pattern.compile("\\s+");
  private static final List<String> QUICK_START =
      List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto");

  public LocalImage {
    paths = Map.copyOf(paths);
    javaOptions = List.copyOf(javaOptions);
    environment = Map.copyOf(environment);
  }

  /** An image with JVM options for short runs on few cores, and those that Spark needs. */
  public static LocalImage of(String classPath) {
    List<String> options = new ArrayList<>(QUICK_START);
    SPACE.splitAsStream(JavaModuleOptions.defaultModuleOptions().trim()).forEach(options::add);
    return new LocalImage(classPath, Map.of(), options, Map.of());
  }

  /** An image that holds what this JVM's class path holds. */
  public static LocalImage ofTestClassPath() {
    return of(System.getProperty("java.class.path"));
  }

  /** The image with a file or folder of this machine at a path inside it. */
  public LocalImage withPath(String inside, Path here) {
    Map<String, Path> more = new LinkedHashMap<>(paths);
    more.put(inside, here.toAbsolutePath());
    return new LocalImage(classPath, more, javaOptions, environment);
  }

  /** The image with a variable of its own. */
  public LocalImage withEnvironment(String name, String value) {
    Map<String, String> more = new LinkedHashMap<>(environment);
    more.put(name, value);
    return new LocalImage(classPath, paths, javaOptions, more);
  }

  /** The image with one more option of its JVMs. */
  public LocalImage withJavaOption(String option) {
    List<String> more = new ArrayList<>(javaOptions);
    more.add(option);
    return new LocalImage(classPath, paths, more, environment);
  }
}
