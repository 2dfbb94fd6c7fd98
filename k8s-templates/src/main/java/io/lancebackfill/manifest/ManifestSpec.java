package io.lancebackfill.manifest;

import io.lancebackfill.secret.SecretKey;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What the workers of a function need installed, by the names and paths of the machine that defines
 * it. A spec that exists is valid. It holds no secret value.
 *
 * @param name letters, digits, {@code . _ -}; at most 128
 * @param packages from pip
 * @param code from local files
 * @param env environment variables
 * @param target the workers that it is for
 */
public record ManifestSpec(String name, Packages packages, Code code, Env env, Target target) {

  /**
   * Packages that pip installs.
   *
   * @param pip requirements as PEP 508 writes them; their order has no meaning
   * @param requirements path of a requirements file, or null
   * @param skipSitePackages true: the workers' image has them; they are checked and not sent
   */
  public record Packages(
      List<String> pip, @Nullable String requirements, boolean skipSitePackages) {
    public Packages {
      pip = List.copyOf(pip);
    }

    /** True if something is to be installed or checked. */
    public boolean any() {
      return !pip.isEmpty() || requirements != null;
    }
  }

  /**
   * Code from local files. A relative path is one of the folder in which the manifest is packaged.
   *
   * @param pyModules folders that are Python packages, or {@code .py} and {@code .so} files
   * @param paths folders whose content is importable, in the order of {@code sys.path}
   */
  public record Code(List<String> pyModules, List<String> paths) {
    public Code {
      pyModules = List.copyOf(pyModules);
      paths = List.copyOf(paths);
    }
  }

  /**
   * Environment variables.
   *
   * @param vars by name; none is a secret
   * @param secretVars where the secret ones are kept, by name
   */
  public record Env(SortedMap<String, String> vars, SortedMap<String, SecretKey> secretVars) {
    public Env {
      vars = Collections.unmodifiableSortedMap(new TreeMap<>(vars));
      secretVars = Collections.unmodifiableSortedMap(new TreeMap<>(secretVars));
    }
  }

  /**
   * The workers that a manifest is for.
   *
   * @param image container image, or null for the cluster's own
   * @param python version of Python, {@code 3.11} or {@code 3.11.7}, or null for that of the
   *     session which packages
   * @param platform architecture, as {@link Platform} names it
   */
  public record Target(@Nullable String image, @Nullable String python, String platform) {}

  /**
   * Checks the whole.
   *
   * @throws ManifestException with every fault
   */
  public ManifestSpec {
    List<ManifestFault> faults = ManifestChecks.faults(name, packages, code, env, target);
    if (!faults.isEmpty()) {
      throw new ManifestException(faults);
    }
  }

  public static Builder builder(String name) {
    return new Builder(name);
  }

  /**
   * Reads JSON or YAML; a document that begins with <code>{</code> is JSON.
   *
   * @throws ManifestException with every fault and its place
   */
  public static ManifestSpec parse(String document) {
    return ManifestParser.parse(document);
  }

  /** JSON with sorted keys and without what is empty: equal specs give equal text. */
  public String toJson() {
    return ManifestWriter.json(this, true);
  }

  /**
   * SHA-256, in hexadecimal, of all but the name. It covers the paths as they are written, not what
   * lies there: the hash of the packaged manifest does that.
   */
  public String hash() {
    return ManifestWriter.sha256(ManifestWriter.json(this, false));
  }

  /** Collects the parts of a manifest. */
  public static final class Builder {
    private final String name;
    private final List<String> pip = new ArrayList<>();
    private final List<String> pyModules = new ArrayList<>();
    private final List<String> paths = new ArrayList<>();
    private final Map<String, String> vars = new LinkedHashMap<>();
    private final Map<String, SecretKey> secretVars = new LinkedHashMap<>();
    private @Nullable String requirements;
    private @Nullable String image;
    private @Nullable String python;
    private String platform = Platform.here();
    private boolean skipSitePackages;

    private Builder(String name) {
      this.name = name;
    }

    /** Adds requirements as PEP 508 writes them: {@code numpy==1.26.4}. */
    public Builder pip(String... requirements) {
      pip.addAll(List.of(requirements));
      return this;
    }

    public Builder requirements(@Nullable String file) {
      this.requirements = file;
      return this;
    }

    public Builder pyModules(String... foldersOrFiles) {
      pyModules.addAll(List.of(foldersOrFiles));
      return this;
    }

    public Builder paths(String... folders) {
      paths.addAll(List.of(folders));
      return this;
    }

    public Builder envVar(String variable, String value) {
      vars.put(variable, value);
      return this;
    }

    public Builder secretEnvVar(String variable, String secret, String key) {
      secretVars.put(variable, new SecretKey(secret, key));
      return this;
    }

    public Builder image(@Nullable String image) {
      this.image = image;
      return this;
    }

    public Builder skipSitePackages(boolean skip) {
      this.skipSitePackages = skip;
      return this;
    }

    public Builder python(@Nullable String version) {
      this.python = version;
      return this;
    }

    public Builder platform(String architecture) {
      this.platform = Platform.canonical(architecture);
      return this;
    }

    /**
     * The manifest.
     *
     * @throws ManifestException with every fault
     */
    public ManifestSpec build() {
      return build(List.of());
    }

    ManifestSpec build(List<ManifestFault> found) {
      Packages packages = new Packages(pip, requirements, skipSitePackages);
      Code code = new Code(pyModules, paths);
      Env env = new Env(new TreeMap<>(vars), new TreeMap<>(secretVars));
      Target target = new Target(image, python, platform);
      if (!found.isEmpty()) {
        List<ManifestFault> all = new ArrayList<>(found);
        all.addAll(ManifestChecks.faults(name, packages, code, env, target));
        throw new ManifestException(all);
      }
      return new ManifestSpec(name, packages, code, env, target);
    }
  }
}
