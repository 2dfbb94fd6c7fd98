package io.lancebackfill.manifest.pack;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lancebackfill.manifest.ManifestException;
import io.lancebackfill.manifest.ManifestFault;
import io.lancebackfill.manifest.ManifestWriter;
import io.lancebackfill.manifest.PythonCommand;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/**
 * Installs packages with the session's Python into the cache, once for each set of requirements,
 * version of Python and architecture. pip's own configuration (index, credentials, proxies) holds.
 */
final class PipInstaller {
  private static final ObjectMapper MAPPER = new ObjectMapper();
  private static final long LIMIT_SECONDS = TimeUnit.HOURS.toSeconds(2);
  private static final int NEWEST_GLIBC = 28;
  private static final int OLDEST_GLIBC = 5;
  private static final int LINES = 20;

  /**
   * Packages that are installed.
   *
   * @param folder what is to be on {@code sys.path}
   * @param versions by normalised name
   */
  record Installed(Path folder, SortedMap<String, String> versions) {}

  private final SessionPython python;
  private final Path cache;
  private final Path folder;

  PipInstaller(SessionPython python, Path cache, Path folder) {
    this.python = python;
    this.cache = cache;
    this.folder = folder;
  }

  /**
   * Installs packages, or finds them installed.
   *
   * @param version of the workers' Python
   * @throws ManifestException if pip fails, with the end of what it printed
   */
  Installed install(RequirementFiles requirements, String version, String platform)
      throws IOException, InterruptedException {
    String key =
        ManifestWriter.sha256(
            String.join(
                "\n",
                requirements.content(),
                SessionPython.minor(version),
                platform,
                String.valueOf(requirements.file())));
    Path installed = cache.resolve(key);
    if (requirements.local()) {
      SourceTrees.delete(installed);
    }
    if (!Files.exists(installed)) {
      Files.createDirectories(cache);
      Path writing = Files.createTempDirectory(cache, "installing");
      try {
        run(requirements, version, platform, writing);
        move(writing, installed);
      } finally {
        SourceTrees.delete(writing);
      }
    }
    return new Installed(
        installed.resolve("site-packages"),
        MAPPER.readValue(
            installed.resolve("installed.json").toFile(),
            new TypeReference<TreeMap<String, String>>() {}));
  }

  private static void move(Path writing, Path installed) throws IOException {
    try {
      Files.move(writing, installed, StandardCopyOption.ATOMIC_MOVE);
    } catch (FileSystemException e) {
      // Another session may have been faster; it installed the same.
      if (!Files.exists(installed.resolve("installed.json"))) {
        throw e;
      }
    }
  }

  private void run(RequirementFiles requirements, String version, String platform, Path writing)
      throws IOException, InterruptedException {
    Path target = Files.createDirectories(writing.resolve("site-packages"));
    Path list = writing.resolve("requirements.txt");
    Files.write(list, requirements.pip());
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "-m",
                "pip",
                "install",
                "--target",
                target.toString(),
                "--no-compile",
                "--no-input",
                "--disable-pip-version-check",
                "-r",
                list.toString()));
    if (requirements.file() != null) {
      arguments.addAll(List.of("-r", requirements.file().toString()));
    }
    arguments.addAll(others(version, platform));
    PythonCommand.Result result =
        PythonCommand.run(
            python.executable(), folder, LIMIT_SECONDS, arguments.toArray(new String[0]));
    Files.delete(list);
    if (result.exit() != 0) {
      throw new ManifestException(
          List.of(
              new ManifestFault(
                  "pip",
                  "pip of "
                      + python.executable()
                      + " ended with "
                      + result.exit()
                      + ". Mend the requirements or pip's configuration. It said:\n"
                      + result.tail(LINES))));
    }
    SortedMap<String, String> versions = InstalledPackages.settle(target);
    MAPPER.writeValue(writing.resolve("installed.json").toFile(), versions);
  }

  /** For workers of another kind than this machine pip takes ready wheels alone. */
  private List<String> others(String version, String platform) {
    boolean same =
        python.linux()
            && python.platform().equals(platform)
            && SessionPython.minor(python.version()).equals(SessionPython.minor(version));
    List<String> arguments = new ArrayList<>();
    if (!same) {
      arguments.addAll(
          List.of(
              "--only-binary=:all:",
              "--implementation=cp",
              "--python-version=" + SessionPython.minor(version)));
      for (int glibc = NEWEST_GLIBC; glibc >= OLDEST_GLIBC; glibc--) {
        arguments.add("--platform=manylinux_2_" + glibc + "_" + platform);
      }
      arguments.add("--platform=manylinux2014_" + platform);
      arguments.add("--platform=linux_" + platform);
    }
    return arguments;
  }
}
