package io.lancebackfill.environment;

import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.Faults;
import io.lancebackfill.error.RootCause;
import io.lancebackfill.error.StorageCodes;
import io.lancebackfill.manifest.ManifestException;
import io.lancebackfill.manifest.install.InstalledManifest;
import io.lancebackfill.manifest.install.ManifestMismatchException;
import io.lancebackfill.manifest.pack.PackagedManifest;
import io.lancebackfill.secret.SecretKey;
import java.io.File;
import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Collectors;
import org.apache.spark.TaskContext;
import org.apache.spark.sql.RuntimeConfig;
import org.jspecify.annotations.Nullable;

/**
 * What the Python workers of a job run in; plain values, for executors.
 *
 * @param packaged JSON of the {@link PackagedManifest}
 * @param root folder of the catalog whose {@link LancePartStore} has the parts
 * @param cache folder of each machine in which it is installed; null for this user's own below
 *     {@code java.io.tmpdir}
 */
public record WorkerEnvironment(String packaged, DatasetRef root, @Nullable String cache)
    implements Serializable {
  /** The setting of {@code cache}, also of what packaging keeps on the driver's machine. */
  public static final String CACHE_SETTING = "spark.lancebackfill.environments.cache";

  private static final Map<Key, Installed> INSTALLED = new ConcurrentHashMap<>();
  private static final ReentrantLock INSTALLING = new ReentrantLock();

  private record Key(WorkerEnvironment environment, String python) {}

  private record Installed(Path tree, Map<String, String> variables) {
    /** Those who tidy temporary folders may have been there. */
    boolean isThere() {
      return Files.isDirectory(tree);
    }
  }

  /** The folder that a session names for the cache, if it does. */
  public static Optional<String> cache(RuntimeConfig session) {
    return session.contains(CACHE_SETTING)
        ? Optional.of(session.get(CACHE_SETTING))
        : Optional.empty();
  }

  /** The hash of the packaged manifest: of the content of its files, packages and variables. */
  public String hash() {
    return PackagedManifest.parse(packaged).hash();
  }

  /** Variables that workers have from Kubernetes secrets, and where each is kept. */
  public Map<String, SecretKey> secrets() {
    return PackagedManifest.parse(packaged).env().secretVars();
  }

  /**
   * Installs the environment on this machine and compares it with the workers' Python, once for
   * each process; then gives the variables of Python workers: PYTHONPATH and those of the manifest.
   *
   * @param python the program that workers run
   * @throws BackfillException ENVIRONMENT_MISMATCH with a line for each difference,
   *     PYTHON_UNAVAILABLE, or a code of the storage
   */
  public Map<String, String> variables(String python) {
    Key key = new Key(this, python);
    Installed known = INSTALLED.get(key);
    if (known != null && known.isThere()) {
      return known.variables();
    }
    try {
      INSTALLING.lockInterruptibly();
      try {
        known = INSTALLED.get(key);
        if (known == null || !known.isThere()) {
          known = install(python);
          INSTALLED.put(key, known);
        }
        return known.variables();
      } finally {
        INSTALLING.unlock();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      TaskContext task = TaskContext.get();
      if (task != null) {
        task.killTaskIfInterrupted();
      }
      throw new BackfillException(
          BackfillErrorCode.JOB_INTERRUPTED,
          "The installation of an environment was interrupted. The same call goes on from there.",
          e);
    }
  }

  private Installed install(String python) throws InterruptedException {
    PackagedManifest manifest = PackagedManifest.parse(packaged);
    try {
      InstalledManifest installed =
          InstalledManifest.install(
              manifest, new LancePartStore(root), EnvironmentCache.folder(cache));
      requireAsPackaged(manifest, installed, absolute(python));
      Map<String, String> variables = new HashMap<>(installed.envVars());
      variables.put(
          "PYTHONPATH",
          installed.sysPath().stream()
              .map(Path::toString)
              .collect(Collectors.joining(File.pathSeparator)));
      return new Installed(installed.tree(), Map.copyOf(variables));
    } catch (ManifestException e) {
      throw new BackfillException(
          BackfillErrorCode.PYTHON_UNAVAILABLE,
          withoutCode(String.valueOf(e.getMessage()), e.code()),
          e);
    } catch (IOException e) {
      throw failed("Manifest '%s' could not be installed".formatted(manifest.name()), e);
    }
  }

  private static void requireAsPackaged(
      PackagedManifest manifest, InstalledManifest installed, String python)
      throws IOException, InterruptedException {
    Faults faults = new Faults();
    try {
      installed.check(python);
    } catch (ManifestMismatchException e) {
      String.valueOf(e.getMessage())
          .lines()
          .forEach(
              line ->
                  faults.add(BackfillErrorCode.ENVIRONMENT_MISMATCH, withoutCode(line, e.code())));
    }
    manifest
        .env()
        .secretVars()
        .forEach(
            (variable, secret) -> {
              if (System.getenv(variable) == null) {
                faults.add(
                    BackfillErrorCode.ENVIRONMENT_MISMATCH,
                    "%s: manifest '%s' has it from key %s of the Kubernetes secret %s, and this executor has no such variable. On Kubernetes, name the cluster with cluster => '...', whose pods then get it, or set spark.kubernetes.executor.secretKeyRef.%s=%s:%s; elsewhere, set the variable where executors are started."
                        .formatted(
                            variable,
                            manifest.name(),
                            secret.key(),
                            secret.secret(),
                            variable,
                            secret.secret(),
                            secret.key()));
              }
            });
    faults.throwIfAny();
  }

  /** A Python of an archive that Spark unpacked is named from this process's folder on. */
  private static String absolute(String python) {
    return python.contains("/") ? Path.of(python).toAbsolutePath().toString() : python;
  }

  /** A {@link BackfillException} begins with the code itself. */
  private static String withoutCode(String message, String code) {
    String prefix = "[" + code + "] ";
    return message.startsWith(prefix) ? message.substring(prefix.length()) : message;
  }

  /** What a part store or a disk answers, with its code. */
  public static BackfillException failed(String what, IOException e) {
    BackfillErrorCode code =
        e.getCause() instanceof DatasetException storage
            ? StorageCodes.of(storage)
            : BackfillErrorCode.STORAGE_FAILED;
    return new BackfillException(code, "%s: %s.".formatted(what, RootCause.of(e)), e);
  }
}
