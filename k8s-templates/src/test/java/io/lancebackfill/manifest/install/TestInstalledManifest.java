package io.lancebackfill.manifest.install;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.lancebackfill.manifest.ManifestException;
import io.lancebackfill.manifest.ManifestSpec;
import io.lancebackfill.manifest.PythonCommand;
import io.lancebackfill.manifest.install.ManifestMismatchException.Difference;
import io.lancebackfill.manifest.pack.PackagedManifest;
import io.lancebackfill.manifest.pack.Packager;
import io.lancebackfill.manifest.pack.PackagingOptions;
import io.lancebackfill.manifest.pack.Part;
import io.lancebackfill.manifest.pack.PartKind;
import io.lancebackfill.manifest.pack.PartListing;
import io.lancebackfill.manifest.pack.Trees;
import io.lancebackfill.manifest.store.FolderPartStore;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.commons.compress.archivers.zip.ZipArchiveEntry;
import org.apache.commons.compress.archivers.zip.ZipArchiveOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TestInstalledManifest {
  private static final String PYTHON = System.getProperty("test.python");
  private static final int LINK = 0120777;

  @TempDir Path folder;
  private Path stored;
  private Path cache;
  private FolderPartStore store;

  @BeforeEach
  void store() {
    stored = folder.resolve("store");
    cache = folder.resolve("cache");
    store = new FolderPartStore(stored);
  }

  /** Code of ten modules, a package from pip and a script, in parts of three files at most. */
  private PackagedManifest packaged() throws IOException, InterruptedException {
    Path workspace = folder.resolve("workspace");
    for (int at = 0; at < 10; at++) {
      if (!Files.exists(workspace.resolve("app/m" + at + ".py"))) {
        Trees.write(workspace.resolve("app/m" + at + ".py"), "VALUE = " + at + "\n");
      }
    }
    Trees.write(workspace.resolve("app/__init__.py"), "");
    Path script = Trees.write(workspace.resolve("app/run.sh"), "#!/bin/sh\necho ran\n");
    Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwx------"));
    Trees.write(workspace.resolve("libs/feats/__init__.py"), "NAME = 'feats'\n");
    Trees.wheel(folder.resolve("wheels"), "tiny", "1.0");
    Trees.write(
        workspace.resolve("requirements.txt"),
        "--no-index\n--find-links " + folder.resolve("wheels") + "\ntiny==1.0\n");
    PackagingOptions options =
        PackagingOptions.builder()
            .folder(workspace)
            .cache(folder.resolve("session"))
            .python(PYTHON)
            .partFiles(3)
            .build();
    return new Packager(store, options, progress -> {})
        .pack(
            ManifestSpec.builder("dev")
                .paths(".")
                .pyModules("libs/feats")
                .requirements("requirements.txt")
                .envVar("MODE", "fast")
                .secretEnvVar("HF_TOKEN", "hub", "token")
                .build());
  }

  @Test
  void aWorkerImportsWhatWasPackaged() throws Exception {
    PackagedManifest manifest = packaged();
    InstalledManifest installed = InstalledManifest.install(manifest, store, cache);
    assertThat(installed.sysPath())
        .containsExactly(
            installed.tree().resolve("path-0"),
            installed.tree().resolve("modules"),
            installed.tree().resolve("site-packages"));
    assertThat(installed.envVars()).containsOnlyKeys("MODE").containsEntry("MODE", "fast");
    installed.check(PYTHON);
    PythonCommand.Result result =
        PythonCommand.run(
            PYTHON,
            folder,
            60,
            "-c",
            "import sys; sys.path[:0] = sys.argv[1:];"
                + "import importlib, feats, tiny, subprocess, os, app;"
                + "values = [importlib.import_module(f'app.m{i}').VALUE for i in range(10)];"
                + "ran = subprocess.check_output([os.path.join(app.__path__[0], 'run.sh')], text=True);"
                + "print(sum(values), feats.NAME, tiny.VERSION, ran.strip())",
            installed.sysPath().get(0).toString(),
            installed.sysPath().get(1).toString(),
            installed.sysPath().get(2).toString());
    assertThat(result.output().strip()).as(result.errors()).isEqualTo("45 feats 1.0 ran");

    for (Part part : manifest.parts()) {
      Files.delete(stored.resolve(part.hash() + ".zip"));
    }
    assertThat(InstalledManifest.install(manifest, store, cache).tree())
        .as("unpacked once: the store is not asked again")
        .isEqualTo(installed.tree());
  }

  @Test
  void manifestsShareTheirPartsAndAMissingOneIsNamed() throws Exception {
    PackagedManifest first = packaged();
    InstalledManifest.install(first, store, cache);
    Trees.write(folder.resolve("workspace/app/m3.py"), "VALUE = 33\n");
    PackagedManifest second = packaged();
    List<Part> fresh = new ArrayList<>(second.parts());
    fresh.removeAll(first.parts());
    assertThat(fresh).hasSize(1);
    for (Part part : first.parts()) {
      Files.delete(stored.resolve(part.hash() + ".zip"));
    }
    InstalledManifest installed = InstalledManifest.install(second, store, cache);
    assertThat(installed.tree().resolve("path-0/app/m3.py")).hasContent("VALUE = 33");
    assertThat(installed.tree().resolve("path-0/app/m4.py")).hasContent("VALUE = 4");
    assertThatThrownBy(
            () -> InstalledManifest.install(first, store, folder.resolve("another machine")))
        .isInstanceOf(NoSuchFileException.class)
        .hasMessageContaining("the part is not in the store. Package the manifest again");
  }

  @Test
  void processesAtOnceUnpackEachPartOnce() throws Exception {
    PackagedManifest manifest = packaged();
    List<Process> processes = new ArrayList<>();
    for (int at = 0; at < 3; at++) {
      processes.add(InstallingProcess.start(stored, cache, manifest, Integer.MAX_VALUE));
    }
    for (Process process : processes) {
      process.getOutputStream().write('\n');
      process.getOutputStream().flush();
    }
    int fetches = 0;
    for (Process process : processes) {
      try (BufferedReader output = process.inputReader(StandardCharsets.UTF_8)) {
        fetches += Integer.parseInt(output.readLine());
      }
      assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
      assertThat(process.exitValue()).isZero();
    }
    assertThat(fetches).isEqualTo(manifest.parts().size());
    assertThat(InstalledManifest.install(manifest, store, cache).tree().resolve("path-0/app"))
        .isDirectoryContaining("glob:**/m9.py");
    assertThat(leftovers()).isEmpty();
  }

  @Test
  void threadsAtOnceUnpackEachPartOnce() throws Exception {
    PackagedManifest manifest = packaged();
    List<Path> trees =
        Stream.generate(() -> manifest)
            .limit(8)
            .parallel()
            .map(
                each -> {
                  try {
                    return InstalledManifest.install(each, store, cache).tree();
                  } catch (IOException e) {
                    throw new java.io.UncheckedIOException(e);
                  }
                })
            .distinct()
            .toList();
    assertThat(trees).hasSize(1);
    assertThat(leftovers()).isEmpty();
  }

  @Test
  void whatAKilledProcessLeftIsNotUsed() throws Exception {
    PackagedManifest manifest = packaged();
    Process process = InstallingProcess.start(stored, cache, manifest, 2);
    process.getOutputStream().write('\n');
    process.getOutputStream().flush();
    try (BufferedReader output = process.inputReader(StandardCharsets.UTF_8)) {
      assertThat(output.readLine()).isEqualTo("half");
      // SIGKILL
      process.destroyForcibly();
    }
    assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
    assertThat(leftovers()).as("a folder and half a zip").hasSize(2);
    assertThat(cache.resolve("trees")).isEmptyDirectory();
    InstalledManifest installed = InstalledManifest.install(manifest, store, cache);
    installed.check(PYTHON);
    assertThat(leftovers()).isEmpty();
  }

  private List<Path> leftovers() throws IOException {
    try (Stream<Path> files = Files.walk(cache, 2)) {
      return files.filter(file -> file.toString().contains(".writing-")).toList();
    }
  }

  /** Stores a zip that claims to be the part of one file {@code path-0/a.py}. */
  private PackagedManifest forged(String name, String content, int mode) throws IOException {
    PartListing listing = new PartListing();
    listing.add(
        "path-0/a.py",
        false,
        PartListing.sha256().digest("A = 1\n".getBytes(StandardCharsets.UTF_8)));
    String hash = listing.hash();
    Files.createDirectories(stored);
    try (OutputStream out = Files.newOutputStream(stored.resolve(hash + ".zip"));
        ZipArchiveOutputStream zip = new ZipArchiveOutputStream(out)) {
      ZipArchiveEntry entry = new ZipArchiveEntry(name);
      entry.setUnixMode(mode);
      zip.putArchiveEntry(entry);
      zip.write(content.getBytes(StandardCharsets.UTF_8));
      zip.closeArchiveEntry();
    }
    return new PackagedManifest(
        "forged",
        List.of(new Part(PartKind.WORKSPACE, hash, 6, 1)),
        List.of("path-0"),
        new TreeMap<>(),
        new ManifestSpec.Env(new TreeMap<>(), new TreeMap<>()),
        new ManifestSpec.Target(null, "3.11", "x86_64"));
  }

  @Test
  void theZipThatTheForgedOnesImitateIsTaken() throws Exception {
    InstalledManifest installed =
        InstalledManifest.install(forged("path-0/a.py", "A = 1\n", 0100644), store, cache);
    assertThat(installed.tree().resolve("path-0/a.py")).hasContent("A = 1");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "../../../evil.py",
        "path-0/../../../../evil.py",
        "/tmp/evil.py",
        "path-0/./a.py",
        "path-0\\..\\..\\evil.py",
        "C:evil.py",
        "path-0/",
        "path-0/other.py"
      })
  void aZipThatLeadsOutOfItsFolderIsRefused(String name) throws Exception {
    PackagedManifest manifest = forged(name, name.endsWith("/") ? "" : "A = 1\n", 0100644);
    assertThatThrownBy(() -> InstalledManifest.install(manifest, store, cache))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("is damaged or forged");
    try (Stream<Path> files = Files.walk(folder)) {
      assertThat(files).noneMatch(file -> file.getFileName().toString().contains("evil"));
    }
    assertThat(leftovers()).isEmpty();
    assertThat(cache.resolve("trees")).isEmptyDirectory();
  }

  @Test
  void linksOtherContentsAndBombsAreRefused() throws Exception {
    PackagedManifest bomb = forged("path-0/a.py", "0".repeat(1 << 20), 0100644);
    assertThatThrownBy(() -> InstalledManifest.install(bomb, store, cache))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("it unpacks to more than its 6 bytes");
    PackagedManifest link = forged("path-0/a.py", "/etc/passwd", LINK);
    assertThatThrownBy(() -> InstalledManifest.install(link, store, cache))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("'path-0/a.py' in it is no plain file");
    PackagedManifest other = forged("path-0/a.py", "A = 2\n", 0100644);
    assertThatThrownBy(() -> InstalledManifest.install(other, store, cache))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("its files are not those that were packaged");
    PackagedManifest executable = forged("path-0/a.py", "A = 1\n", 0100755);
    assertThatThrownBy(() -> InstalledManifest.install(executable, store, cache))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("its files are not those that were packaged");
  }

  @Test
  void everyDifferenceIsToldByNameBeforeTheFirstRow() throws Exception {
    PackagedManifest packaged = packaged();
    SortedMap<String, String> wanted = new TreeMap<>(packaged.packages());
    wanted.put("tiny", "2.0");
    wanted.put("numpy", "0.0.1");
    wanted.put("absent", "3.1");
    wanted.put("absent-too", "");
    wanted.put("pip", "");
    PackagedManifest other =
        new PackagedManifest(
            "dev",
            packaged.parts(),
            packaged.sysPath(),
            wanted,
            packaged.env(),
            new ManifestSpec.Target(null, "3.12", "riscv64"));
    InstalledManifest installed = InstalledManifest.install(other, store, cache);
    ManifestMismatchException refused =
        catchThrowableOfType(ManifestMismatchException.class, () -> installed.check(PYTHON));
    assertThat(refused.code()).isEqualTo("ENVIRONMENT_MISMATCH");
    assertThat(refused.differences())
        .extracting(Difference::name)
        .containsExactly("python", "architecture", "absent", "absent-too", "numpy", "tiny");
    assertThat(refused.differences())
        .contains(
            new Difference("tiny", "2.0", "1.0"),
            new Difference("absent", "3.1", "none"),
            new Difference("absent-too", "any version", "none"));
    assertThat(refused)
        .hasMessageContaining("[ENVIRONMENT_MISMATCH] python: manifest 'dev' wants 3.12, ")
        .hasMessageContaining("[ENVIRONMENT_MISMATCH] tiny: manifest 'dev' wants 2.0, ")
        .hasMessageContaining("of this worker has 1.0");
    assertThatThrownBy(() -> installed.check("no-such-python"))
        .isInstanceOf(ManifestException.class)
        .hasMessageContaining("'no-such-python' cannot be started");
  }
}
