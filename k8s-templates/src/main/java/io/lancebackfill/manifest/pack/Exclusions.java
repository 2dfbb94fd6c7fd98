package io.lancebackfill.manifest.pack;

import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/** What no worker needs, and what no worker may see, of a folder of code. */
final class Exclusions {
  private static final Set<String> FOLDERS =
      Set.of(
          "__pycache__",
          ".git",
          ".hg",
          ".svn",
          ".ipynb_checkpoints",
          ".mypy_cache",
          ".pytest_cache",
          ".ruff_cache",
          ".hypothesis",
          ".tox",
          ".nox",
          ".cache",
          ".eggs",
          ".idea",
          ".vscode",
          ".aws",
          ".ssh",
          ".kube",
          ".gnupg",
          "_backfill",
          "spark-warehouse",
          "metastore_db",
          "node_modules");

  private static final Set<String> ENDINGS = Set.of("pyc", "pyo", "ipynb", "swp", "swo");

  /** What editors, systems and tools leave, and files that hold credentials by custom. */
  private static final Set<String> FILES =
      Set.of(
          ".DS_Store",
          "Thumbs.db",
          ".coverage",
          ".env",
          ".netrc",
          "_netrc",
          ".pypirc",
          ".npmrc",
          ".git-credentials",
          ".databrickscfg",
          "pip.conf",
          "id_rsa",
          "id_dsa",
          "id_ecdsa",
          "id_ed25519");

  private static final List<String> BEGINNINGS = List.of(".env.", ".coverage.", ".#");

  /** Parts of manifests: a store or the zips of an earlier packaging may lie in the workspace. */
  private static final Pattern PARTS =
      Pattern.compile("((workspace|site-packages|other)-)?[0-9a-f]{64}\\.(zip|[0-9a-f-]{36})");

  private static final int HASH_DIGITS = 64;

  private static final Set<String> BUILDS = Set.of("build", "dist", "target", "_build");
  private static final Set<String> BUILD_FILES =
      Set.of(
          "pyproject.toml",
          "setup.py",
          "setup.cfg",
          "pom.xml",
          "build.gradle",
          "Cargo.toml",
          "CMakeLists.txt",
          "Makefile");

  private Exclusions() {}

  /** A file of this name is left out. */
  static boolean file(String name) {
    return ENDINGS.contains(name.substring(name.lastIndexOf('.') + 1))
        || name.endsWith("~")
        || FILES.contains(name)
        || (name.startsWith(".") && BEGINNINGS.stream().anyMatch(name::startsWith))
        || (name.length() > HASH_DIGITS && PARTS.matcher(name).matches());
  }

  /** A folder of this name is left out: a cache, a table, credentials. */
  static boolean folder(String name) {
    return FOLDERS.contains(name) || name.endsWith(".lance");
  }

  /**
   * A folder with this content is left out: a virtual or conda environment, or what a build makes
   * beside its build file.
   */
  static boolean folder(String name, Set<String> content, Set<String> beside) {
    boolean built =
        BUILDS.contains(name)
            && beside.stream().anyMatch(BUILD_FILES::contains)
            && !content.contains("__init__.py");
    return built || content.contains("pyvenv.cfg") || content.contains("conda-meta");
  }

  /** The same for packages that pip installed, of which only compiled files are left out. */
  static boolean installedFolder(String name) {
    return name.equals("__pycache__");
  }

  static boolean installedFile(String name) {
    return name.endsWith(".pyc");
  }
}
