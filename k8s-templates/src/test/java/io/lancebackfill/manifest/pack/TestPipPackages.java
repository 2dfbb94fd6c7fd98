package io.lancebackfill.manifest.pack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.manifest.ManifestException;
import io.lancebackfill.manifest.ManifestSpec;
import io.lancebackfill.manifest.store.FolderPartStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TestPipPackages {
  private static final String PYTHON = System.getProperty("test.python");

  @TempDir Path folder;
  private Path wheels;
  private Path workspace;

  @BeforeEach
  void wheels() throws IOException {
    wheels = folder.resolve("wheels");
    workspace = Files.createDirectories(folder.resolve("workspace"));
    Trees.wheel(wheels, "tiny", "1.0");
    Trees.wheel(wheels, "tiny", "2.0");
    Trees.wheel(wheels, "Other_One", "0.5");
    requirements("# local wheels alone\n--no-index\n--find-links " + wheels + "\nOther.One\n");
  }

  private void requirements(String text) throws IOException {
    Files.writeString(workspace.resolve("requirements.txt"), text);
  }

  private PackagedManifest pack(ManifestSpec spec, String store, String cache)
      throws IOException, InterruptedException {
    PackagingOptions options =
        PackagingOptions.builder()
            .folder(workspace)
            .cache(folder.resolve(cache))
            .python(PYTHON)
            .build();
    return new Packager(new FolderPartStore(folder.resolve(store)), options, progress -> {})
        .pack(spec);
  }

  private static ManifestSpec.Builder spec(String... pip) {
    return ManifestSpec.builder("dev").pip(pip).requirements("requirements.txt");
  }

  @Test
  void packagesAreInstalledOnceAndRecordedWithTheirVersions() throws Exception {
    PackagedManifest packaged = pack(spec("tiny<2").build(), "store", "cache");
    assertThat(packaged.packages()).isEqualTo(Map.of("tiny", "1.0", "other-one", "0.5"));
    assertThat(packaged.sysPath()).containsExactly("site-packages");
    assertThat(packaged.parts())
        .singleElement()
        .extracting(Part::kind)
        .isEqualTo(PartKind.SITE_PACKAGES);
    assertThat(Trees.entries(folder.resolve("store")))
        .contains(
            "site-packages/tiny/__init__.py",
            "site-packages/tiny-1.0.dist-info/METADATA",
            "site-packages/Other_One/__init__.py")
        .noneMatch(name -> name.contains("/bin/") || name.endsWith(".pyc"));

    // Another user's folders: the scripts' paths and where a wheel came from are not packaged.
    PackagedManifest other = pack(spec("tiny<2").build(), "store2", "cache of another");
    assertThat(other).isEqualTo(packaged);
    Trees.zips(folder.resolve("store"))
        .forEach(
            (name, zip) ->
                assertThat(folder.resolve("store2").resolve(name)).hasBinaryContent(zip));

    Files.delete(wheels.resolve("tiny-1.0-py3-none-any.whl"));
    assertThat(pack(spec("tiny<2").build(), "store", "cache"))
        .as("installed already")
        .isEqualTo(packaged);
    assertThat(pack(spec("tiny>=2").build(), "store", "cache").packages())
        .containsEntry("tiny", "2.0");
  }

  @Test
  void workersOfAnotherKindGetTheirOwnInstallation() throws Exception {
    PackagedManifest here = pack(spec("tiny==2.0").build(), "store", "cache");
    PackagedManifest there =
        pack(spec("tiny==2.0").platform("aarch64").python("3.12").build(), "store", "cache");
    assertThat(there.parts()).as("pure Python is the same for both").isEqualTo(here.parts());
    assertThat(there.target().platform()).isEqualTo("aarch64");
    assertThat(there.target().python()).isEqualTo("3.12");
    try (var installed = Files.newDirectoryStream(folder.resolve("cache/pip"))) {
      assertThat(installed).hasSize(2);
    }
  }

  @Test
  void aLocalWheelThatChangesIsInstalledAgain() throws Exception {
    requirements("--no-index\n" + wheels.resolve("tiny-1.0-py3-none-any.whl") + "\n");
    PackagedManifest first = pack(spec().build(), "store", "cache");
    Files.delete(wheels.resolve("tiny-1.0-py3-none-any.whl"));
    Files.move(
        Trees.wheel(folder.resolve("new"), "tiny", "1.0.post1"),
        wheels.resolve("tiny-1.0.post1-py3-none-any.whl"));
    requirements("--no-index\n" + wheels.resolve("tiny-1.0.post1-py3-none-any.whl") + "\n");
    PackagedManifest second = pack(spec().build(), "store", "cache");
    assertThat(first.packages()).containsEntry("tiny", "1.0");
    assertThat(second.packages()).containsEntry("tiny", "1.0.post1");
  }

  @Test
  void whatTheImageHasIsNotSentButMustBeThere() throws Exception {
    requirements(
        "Pillow==10.1.0 --hash=sha256:00\ntorch>=2\nold==1; python_version < '3'\n"
            + "far @ https://example.com/far-1-py3-none-any.whl\n"
            + "https://example.com/nameless-1-py3-none-any.whl\n./near-1-py3-none-any.whl\n"
            + "-r more.txt\n");
    Files.writeString(workspace.resolve("more.txt"), "more == 3  # and a comment\n");
    PackagedManifest packaged =
        pack(spec("numpy==1.26.4").skipSitePackages(true).build(), "store", "cache");
    assertThat(packaged.parts()).isEmpty();
    assertThat(packaged.packages())
        .isEqualTo(
            Map.of("numpy", "1.26.4", "pillow", "10.1.0", "torch", "", "more", "3", "far", ""));

    requirements("-r gone.txt\n");
    assertThatThrownBy(() -> pack(spec().build(), "store", "cache"))
        .isInstanceOf(ManifestException.class)
        .hasMessageContaining("requirements: " + workspace.toRealPath().resolve("gone.txt"));
  }

  @Test
  void pipsOwnWordsAreReportedWithoutPasswords() throws Exception {
    requirements("--no-index\n--find-links " + wheels + "\nno-such-package==9\n");
    assertThatThrownBy(() -> pack(spec().build(), "store", "cache"))
        .isInstanceOf(ManifestException.class)
        .hasMessageContaining("[MANIFEST_INVALID] pip: pip of " + PYTHON + " ended with 1")
        .hasMessageContaining("no-such-package==9");
    requirements("--index-url https://user:canary@[broken/simple\ntiny\n");
    assertThatThrownBy(() -> pack(spec().build(), "store", "cache"))
        .isInstanceOf(ManifestException.class)
        .hasMessageContaining("pip of " + PYTHON + " ended with")
        .hasMessageNotContaining("canary");
    try (var installed = Files.newDirectoryStream(folder.resolve("cache/pip"))) {
      assertThat(installed).as("nothing half-installed stays").isEmpty();
    }
  }
}
