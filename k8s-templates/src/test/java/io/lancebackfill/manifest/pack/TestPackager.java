package io.lancebackfill.manifest.pack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.lancebackfill.manifest.ManifestException;
import io.lancebackfill.manifest.ManifestSpec;
import io.lancebackfill.manifest.pack.PackagingProgress.Step;
import io.lancebackfill.manifest.store.FolderPartStore;
import io.lancebackfill.secret.SecretKey;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.SortedMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TestPackager {
  private static final String PYTHON = System.getProperty("test.python");
  private static final String CANARY = "canary-91c0de";
  private static final ManifestSpec SPEC = ManifestSpec.builder("dev").paths(".").build();

  @TempDir Path folder;
  private Path workspace;
  private Path stored;
  private final List<PackagingProgress> progress = new ArrayList<>();

  @BeforeEach
  void workspace() throws IOException {
    workspace = Files.createDirectories(folder.resolve("workspace"));
    stored = folder.resolve("store");
  }

  private PackagingOptions.Builder options() {
    return PackagingOptions.builder()
        .folder(workspace)
        .cache(folder.resolve("cache"))
        .python(PYTHON)
        .partFiles(7)
        .threads(2);
  }

  private PackagedManifest pack(ManifestSpec spec, PackagingOptions.Builder options)
      throws IOException, InterruptedException {
    progress.clear();
    return new Packager(new FolderPartStore(stored), options.build(), progress::add).pack(spec);
  }

  private void files(Path root, int count, long seed) throws IOException {
    List<Integer> order = new ArrayList<>();
    for (int at = 0; at < count; at++) {
      order.add(at);
    }
    Collections.shuffle(order, new Random(seed));
    for (int at : order) {
      Path file =
          Trees.write(
              root.resolve("pkg" + at % 5 + "/module_\u00e9" + at + ".py"),
              "VALUE = " + at + "\n" + "# text\n".repeat(at));
      Files.setLastModifiedTime(
          file, FileTime.from(Instant.parse("2020-01-01T00:00:00Z").plusSeconds(seed * at)));
      Files.setPosixFilePermissions(
          file,
          PosixFilePermissions.fromString(
              (at % 3 == 0 ? "rwx" : "rw-") + (seed == 1 ? "------" : "r--r--")));
    }
  }

  @Test
  void zipsAreEqualInOtherFoldersZonesLocalesAndOrders() throws Exception {
    files(workspace, 40, 1);
    PackagedManifest here = pack(SPEC, options());
    Path other = folder.resolve("elsewhere/of another user");
    files(other, 40, 2);
    PackagingProcess.Ended ended =
        PackagingProcess.run(
            List.of("env", "TZ=America/St_Johns", "LC_ALL=C.UTF-8", "HOME=/nonexistent"),
            List.of(
                "-Duser.timezone=Pacific/Apia",
                "-Duser.language=tr",
                "-Duser.name=somebody",
                "-Dfile.encoding=ISO-8859-1"),
            List.of(
                other.toString(),
                folder.resolve("store2").toString(),
                folder.resolve("cache2").toString(),
                PYTHON,
                SPEC.toJson()));
    assertThat(ended.exit()).as(ended.output()).isZero();
    assertThat(PackagedManifest.parse(ended.output())).isEqualTo(here);
    assertThat(here.parts()).hasSizeBetween(6, 16).allMatch(part -> part.files() <= 7);
    SortedMap<String, byte[]> zips = Trees.zips(stored);
    SortedMap<String, byte[]> others = Trees.zips(folder.resolve("store2"));
    assertThat(others.keySet()).isEqualTo(zips.keySet()).hasSize(here.parts().size());
    zips.forEach((name, bytes) -> assertThat(others.get(name)).as(name).isEqualTo(bytes));
  }

  @Test
  void whatDidNotChangeIsNeitherReadNorSentAgain() throws Exception {
    files(workspace, 200, 1);
    PackagedManifest first = pack(SPEC, options());
    Set<String> before = Set.copyOf(Trees.zips(stored).keySet());
    assertThat(last(Step.ZIPPING).files()).isEqualTo(200);
    assertThat(last(Step.UPLOADING).bytes()).isPositive();

    Path file = workspace.resolve("pkg1/module_\u00e91.py");
    FileTime time = Files.getLastModifiedTime(file);
    Files.writeString(file, "VALUE = 7\n# text\n", StandardOpenOption.TRUNCATE_EXISTING);
    Files.setLastModifiedTime(file, time);
    assertThat(pack(SPEC, options()))
        .as("same size, time and inode: taken for unchanged without a look")
        .isEqualTo(first);
    assertThat(last(Step.HASHING).files()).isEqualTo(200);
    assertThat(last(Step.ZIPPING).totalFiles()).isZero();
    assertThat(last(Step.UPLOADING).totalBytes()).isZero();

    Files.setLastModifiedTime(file, FileTime.from(time.toInstant().plusMillis(1)));
    PackagedManifest second = pack(SPEC, options());
    Set<Part> changed = new HashSet<>(second.parts());
    changed.removeAll(first.parts());
    assertThat(changed).hasSize(1);
    assertThat(second.hash()).isNotEqualTo(first.hash());
    assertThat(last(Step.ZIPPING).totalFiles())
        .isEqualTo(changed.iterator().next().files())
        .isLessThanOrEqualTo(7);
    Set<String> after = new HashSet<>(Trees.zips(stored).keySet());
    after.removeAll(before);
    assertThat(after).hasSize(1);
  }

  @Test
  void aFileWrittenRightBeforeItIsReadIsReadAgain() throws Exception {
    Path file = Trees.write(workspace.resolve("a.py"), "A = 1\n");
    Files.setLastModifiedTime(file, FileTime.from(Instant.now().plus(Duration.ofHours(1))));
    FileTime time = Files.getLastModifiedTime(file);
    PackagedManifest first = pack(SPEC, options());
    Files.writeString(file, "A = 2\n", StandardOpenOption.TRUNCATE_EXISTING);
    Files.setLastModifiedTime(file, time);
    assertThat(pack(SPEC, options()).parts()).isNotEqualTo(first.parts());
  }

  @ParameterizedTest
  @ValueSource(strings = {".hashes", ".parts"})
  void aDamagedCacheIsMadeAnew(String ending) throws Exception {
    files(workspace, 10, 1);
    PackagedManifest first = pack(SPEC, options());
    Path cached;
    try (var caches = Files.newDirectoryStream(folder.resolve("cache/hashes"), "*" + ending)) {
      cached = caches.iterator().next();
    }
    byte[] bytes = Files.readAllBytes(cached);
    byte[] broken = bytes.clone();
    broken[bytes.length / 2] ^= 1;
    Files.write(cached, broken);
    // So that the other cache is asked.
    Trees.write(workspace.resolve("more.py"), "MORE = 1\n");
    PackagedManifest second = pack(SPEC, options());
    assertThat(second).isNotEqualTo(first);
    Files.delete(workspace.resolve("more.py"));
    assertThat(pack(SPEC, options())).isEqualTo(first);
    assertThat(Files.size(cached)).isEqualTo(bytes.length);
  }

  @Test
  void whatIsKnownOfUnchangedFilesHoldsForThoseFilesThatStoreAndThoseLimits() throws Exception {
    files(workspace, 40, 1);
    PackagedManifest first = pack(SPEC, options());
    assertThat(pack(SPEC, options())).isEqualTo(first);
    String part = first.parts().get(0).hash();
    Files.delete(stored.resolve(part + ".zip"));
    assertThat(pack(SPEC, options())).isEqualTo(first);
    assertThat(stored.resolve(part + ".zip")).as("sent again").isRegularFile();

    assertThat(pack(SPEC, options().partFiles(3)).parts().size())
        .isGreaterThan(first.parts().size());
    Path file = workspace.resolve("pkg1/module_\u00e91.py");
    assertThat(file.toFile().setExecutable(true)).isTrue();
    PackagedManifest executable = pack(SPEC, options());
    assertThat(executable.parts()).isNotEqualTo(first.parts());
    assertThat(file.toFile().setExecutable(false)).isTrue();
    assertThat(pack(SPEC, options()).parts()).isEqualTo(first.parts());
    Files.move(file, file.resolveSibling("renamed.py"));
    assertThat(pack(SPEC, options()).parts()).isNotEqualTo(first.parts());
  }

  @Test
  void cachesNotebooksEnvironmentsBuildsAndCredentialsStayAtHome() throws Exception {
    for (String kept :
        List.of("a.py", "build/__init__.py", "docs/build/x.py", "dist/target.txt", "env/b.py")) {
      Trees.write(workspace.resolve(kept), "kept");
    }
    PackagedManifest first = pack(SPEC, options());
    assertThat(Trees.entries(stored))
        .containsExactlyInAnyOrder(
            "path-0/a.py",
            "path-0/build/__init__.py",
            "path-0/docs/build/x.py",
            "path-0/dist/target.txt",
            "path-0/env/b.py");
    for (String excluded :
        List.of(
            "note.ipynb",
            ".ipynb_checkpoints/note-checkpoint.py",
            "__pycache__/a.cpython-311.pyc",
            "old.pyc",
            ".git/config",
            "venv/pyvenv.cfg",
            "venv/lib/python3.11/site-packages/x.py",
            "conda/conda-meta/history",
            "conda/lib/x.py",
            "sub/pyproject.toml~",
            "proj/build/lib/x.py",
            "images.lance/_versions/1.manifest",
            ".env",
            ".netrc",
            ".aws/credentials",
            "id_rsa")) {
      Trees.write(workspace.resolve(excluded), CANARY);
    }
    Files.createDirectories(workspace.resolve("proj"));
    Trees.write(workspace.resolve("proj/pyproject.toml"), "[project]\n");
    PackagedManifest second = pack(SPEC, options());
    List<String> added = new ArrayList<>(Trees.entries(stored));
    assertThat(added).contains("path-0/proj/pyproject.toml").doesNotContain("path-0/note.ipynb");
    Files.delete(workspace.resolve("proj/pyproject.toml"));
    Files.delete(workspace.resolve("proj/build/lib/x.py"));
    assertThat(pack(SPEC, options()).hash())
        .as("of what was added, only the build file counts")
        .isEqualTo(first.hash())
        .isNotEqualTo(second.hash());
    for (byte[] zip : Trees.zips(stored).values()) {
      assertThat(new String(zip, java.nio.charset.StandardCharsets.ISO_8859_1))
          .doesNotContain(CANARY);
    }
  }

  @Test
  void linksAreFollowedInsideTheFolderAndRefusedOutOfIt() throws Exception {
    Path outside = Trees.write(folder.resolve("outside/secret.txt"), CANARY);
    Trees.write(workspace.resolve("real/a.py"), "A = 1\n");
    Files.createSymbolicLink(workspace.resolve("b.py"), Path.of("real/a.py"));
    Files.createSymbolicLink(workspace.resolve("alias"), Path.of("real"));
    pack(SPEC, options());
    assertThat(Trees.entries(stored))
        .containsExactlyInAnyOrder("path-0/real/a.py", "path-0/b.py", "path-0/alias/a.py");

    Files.createSymbolicLink(workspace.resolve("escape.txt"), outside);
    Files.createSymbolicLink(workspace.resolve("real/up"), Path.of("../../outside"));
    Files.createSymbolicLink(workspace.resolve("real/around"), workspace);
    Files.createSymbolicLink(workspace.resolve("self"), Path.of("self"));
    Files.createSymbolicLink(workspace.resolve("dangling"), Path.of("nothing"));
    ManifestException refused =
        catchThrowableOfType(ManifestException.class, () -> pack(SPEC, options()));
    assertThat(refused.faults()).hasSize(7).allMatch(fault -> fault.place().equals("paths[0]"));
    assertThat(refused)
        .hasMessageContaining(workspace.resolve("escape.txt") + " is a symbolic link out of")
        .hasMessageContaining(workspace.resolve("real/up") + " is a symbolic link out of")
        .hasMessageContaining(workspace.resolve("real/around") + " is a symbolic link to")
        .hasMessageContaining(
            workspace.resolve("self") + " is a symbolic link that leads to itself")
        .hasMessageContaining(workspace.resolve("dangling") + " is a symbolic link to what does");
  }

  @Test
  void everyUnreadableFileIsReportedAtOnce() throws Exception {
    Trees.write(workspace.resolve("fine.py"), "");
    for (String name : List.of("one.py", "two.py")) {
      Path file = Trees.write(workspace.resolve(name), "x");
      Files.setPosixFilePermissions(file, Set.of());
    }
    Path closed = Files.createDirectories(workspace.resolve("closed"));
    Files.setPosixFilePermissions(closed, Set.of());
    // The superuser may read everything, unless it gives that up.
    List<String> before =
        System.getProperty("user.name").equals("root")
            ? List.of("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--")
            : List.of();
    PackagingProcess.Ended ended =
        PackagingProcess.run(
            before,
            List.of(),
            List.of(
                workspace.toString(),
                stored.toString(),
                folder.resolve("cache").toString(),
                PYTHON,
                SPEC.toJson()));
    assertThat(ended.exit()).isNotZero();
    assertThat(ended.output())
        .contains(
            "[MANIFEST_INVALID] paths[0]: " + workspace.resolve("one.py") + " may not be read")
        .contains(
            "[MANIFEST_INVALID] paths[0]: " + workspace.resolve("two.py") + " may not be read")
        .contains("[MANIFEST_INVALID] paths[0]: " + closed + " may not be read");
    assertThat(stored).doesNotExist();
    Files.setPosixFilePermissions(closed, PosixFilePermissions.fromString("rwx------"));
  }

  @Test
  void aFileThatChangesWhileItIsReadIsNoticed() throws Exception {
    Path file = workspace.resolve("log.txt");
    // Long enough to read that the writer gets its turn on a busy machine.
    Files.write(file, new byte[48 << 20]);
    AtomicBoolean stop = new AtomicBoolean();
    AtomicReference<IOException> failure = new AtomicReference<>();
    Thread writer =
        new Thread(
            () -> {
              try {
                while (!stop.get()) {
                  Files.write(file, new byte[] {1}, StandardOpenOption.APPEND);
                }
              } catch (IOException e) {
                failure.set(e);
              }
            });
    writer.start();
    try {
      assertThatThrownBy(() -> pack(SPEC, options()))
          .isInstanceOf(ManifestException.class)
          .hasMessageContaining("log.txt changes while it is read, 3 times now");
    } finally {
      stop.set(true);
      writer.join();
    }
    assertThat(failure.get()).isNull();

    files(workspace, 60, 1);
    PackagingListener meddler =
        event -> {
          if (event.step() == Step.ZIPPING && event.files() == 0) {
            write(file);
          }
        };
    assertThatThrownBy(
            () -> new Packager(new FolderPartStore(stored), options().build(), meddler).pack(SPEC))
        .isInstanceOf(ManifestException.class)
        .hasMessageContaining("log.txt: changed between hashing and zipping");
    Files.createDirectories(stored.resolve("incoming"));
    assertThat(Trees.entries(stored))
        .as("other parts may have been whole by then")
        .doesNotContain("path-0/log.txt");
    assertThat(stored.resolve("incoming")).isEmptyDirectory();
    assertThat(folder.resolve("cache/zips")).isEmptyDirectory();
  }

  private static void write(Path file) {
    try {
      Files.writeString(file, "other");
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  @Test
  void partsAreCutByKindAndTheResultSaysAllThatAWorkerNeeds() throws Exception {
    Trees.write(workspace.resolve("src/app.py"), "import feats, shared, single\n");
    Trees.write(workspace.resolve("libs/feats/__init__.py"), "");
    Trees.write(workspace.resolve("single.py"), "");
    Trees.write(folder.resolve("elsewhere/shared.py"), "");
    Trees.write(folder.resolve("lib/site-packages/dep.py"), "");
    ManifestSpec spec =
        ManifestSpec.builder("dev")
            .paths("src", "../elsewhere", "../lib/site-packages")
            .pyModules("libs/feats", "single.py")
            .envVar("MODE", "fast")
            .secretEnvVar("HF_TOKEN", "hub", "token")
            .image("example/spark:1")
            .platform("aarch64")
            .build();
    PackagedManifest packaged = pack(spec, options());
    assertThat(packaged.sysPath()).containsExactly("path-0", "path-1", "path-2", "modules");
    assertThat(packaged.parts())
        .extracting(Part::kind)
        .containsExactlyInAnyOrder(PartKind.WORKSPACE, PartKind.OTHER, PartKind.SITE_PACKAGES);
    assertThat(Trees.entries(stored))
        .containsExactlyInAnyOrder(
            "path-0/app.py",
            "path-1/shared.py",
            "path-2/dep.py",
            "modules/feats/__init__.py",
            "modules/single.py");
    assertThat(packaged.env().secretVars())
        .containsEntry("HF_TOKEN", new SecretKey("hub", "token"));
    assertThat(packaged.target())
        .isEqualTo(new ManifestSpec.Target("example/spark:1", "3.11", "aarch64"));
    assertThat(PackagedManifest.parse(packaged.toJson())).isEqualTo(packaged);
    assertThat(packaged.hash()).matches("[0-9a-f]{64}");

    PackagedManifest without = pack(spec, options().skipSitePackages(true));
    assertThat(without.sysPath()).doesNotContain("path-2");
    assertThat(without.filesHash()).isNotEqualTo(packaged.filesHash());

    assertThatThrownBy(() -> PackagedManifest.parse("{\"format\":2}"))
        .isInstanceOf(ManifestException.class)
        .hasMessageContaining("another format");
    assertThatThrownBy(
            () -> PackagedManifest.parse(packaged.toJson().replace("\"path-0\"", "\"../path-0\"")))
        .isInstanceOf(ManifestException.class)
        .hasMessageContaining("'../path-0'");
  }

  @Test
  void localZipsAreKeptOrDeletedAsAsked() throws Exception {
    files(workspace, 20, 1);
    Path zips = folder.resolve("workspace/zips");
    PackagedManifest packaged = pack(SPEC, options().localZipOutputDir(zips));
    assertThat(Trees.zips(zips).keySet())
        .containsExactlyInAnyOrderElementsOf(
            packaged.parts().stream().map(part -> "workspace-" + part.hash() + ".zip").toList());
    assertThat(pack(SPEC, options().localZipOutputDir(zips)))
        .as("the zips are not part of the workspace")
        .isEqualTo(packaged);
    Files.delete(zips.resolve(Trees.zips(zips).firstKey()));
    pack(SPEC, options().localZipOutputDir(zips));
    assertThat(Trees.zips(zips)).as("all are there again").hasSize(packaged.parts().size());
    Path deleted = folder.resolve("deleted");
    stored = folder.resolve("store2");
    pack(SPEC, options().localZipOutputDir(deleted).deleteLocalZips(true));
    assertThat(Trees.zips(stored)).hasSize(packaged.parts().size());
    assertThat(deleted).isEmptyDirectory();
    assertThat(folder.resolve("cache/zips")).doesNotExist();
  }

  @Test
  void everyMissingPathIsReportedAtOnce() {
    ManifestSpec spec =
        ManifestSpec.builder("dev")
            .paths("nowhere", "file.py", "~", "/")
            .pyModules("missing.py", "directory.py", "noext")
            .requirements("requirements.txt")
            .build();
    assertThatThrownBy(
            () -> {
              Trees.write(workspace.resolve("file.py"), "");
              Trees.write(workspace.resolve("noext"), "");
              Files.createDirectories(workspace.resolve("directory.py"));
              pack(spec, options());
            })
        .isInstanceOf(ManifestException.class)
        .hasMessageContaining("paths[0]: " + workspace.resolve("nowhere") + " does not exist")
        .hasMessageContaining("paths[1]: " + workspace.resolve("file.py") + " is no folder")
        .hasMessageContaining("paths[2]: " + System.getProperty("user.home") + " is a home folder")
        .hasMessageContaining("paths[3]: / is a home folder, or has one in it")
        .hasMessageContaining("py_modules[0]: " + workspace.resolve("missing.py") + " does not")
        .hasMessageContaining("py_modules[1]: " + workspace.resolve("directory.py") + " is no file")
        .hasMessageContaining("py_modules[2]: " + workspace.resolve("noext") + " is neither")
        .hasMessageContaining("requirements: " + workspace.resolve("requirements.txt") + " does");
    assertThatThrownBy(() -> pack(SPEC, options().python("no-such-python")))
        .isInstanceOf(ManifestException.class)
        .hasMessageContaining("python: 'no-such-python' cannot be started");
  }

  private PackagingProgress last(Step step) {
    List<PackagingProgress> events =
        progress.stream().filter(event -> event.step() == step).toList();
    PackagingProgress last = events.get(events.size() - 1);
    assertThat(last.finished()).isTrue();
    assertThat(last.seconds()).isBetween(0.0, 600.0);
    return last;
  }
}
