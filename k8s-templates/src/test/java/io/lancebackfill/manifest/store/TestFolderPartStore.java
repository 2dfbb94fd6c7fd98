package io.lancebackfill.manifest.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TestFolderPartStore {
  private static final String HASH = "a".repeat(64);
  private static final int LENGTH = 1 << 20;

  @TempDir Path folder;

  @Test
  void aPartIsThereWholeAndComesBackAsItWas() throws IOException {
    PartStore store = new FolderPartStore(folder.resolve("store"));
    assertThat(store.exists(HASH)).isFalse();
    store.put(HASH, bytes(LENGTH), LENGTH);
    store.put(HASH, bytes(LENGTH), LENGTH);
    assertThat(store.exists(HASH)).isTrue();
    Path copy = folder.resolve("copy");
    store.fetch(HASH, copy);
    assertThat(copy).hasBinaryContent(bytes(LENGTH).readAllBytes());
    assertThat(folder.resolve("store/incoming")).isEmptyDirectory();
  }

  @Test
  void aPartOfAnotherLengthIsNotStored() {
    PartStore store = new FolderPartStore(folder.resolve("store"));
    assertThatThrownBy(() -> store.put(HASH, bytes(10), 11))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("was to have 11 bytes and had 10");
    assertThat(folder.resolve("store/" + HASH + ".zip")).doesNotExist();
    assertThat(folder.resolve("store/incoming")).isEmptyDirectory();
  }

  @Test
  void aMissingPartAndAWrongHashAreRefused() {
    PartStore store = new FolderPartStore(folder);
    assertThatThrownBy(() -> store.fetch(HASH, folder.resolve("copy")))
        .isInstanceOf(NoSuchFileException.class)
        .hasMessageContaining("Package the manifest again");
    assertThatThrownBy(() -> store.exists("../../etc/passwd"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("is no hash of a part");
  }

  @Test
  void nothingHalfUploadedIsUsedWhenTheProcessIsKilled() throws Exception {
    Process uploading =
        new ProcessBuilder(
                List.of(
                    ProcessHandle.current().info().command().orElseThrow(),
                    "-cp",
                    System.getProperty("java.class.path"),
                    HalfUpload.class.getName(),
                    folder.toString()))
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    assertThat(uploading.getInputStream().read()).isEqualTo('h');
    // SIGKILL
    uploading.destroyForcibly();
    assertThat(uploading.waitFor(1, TimeUnit.MINUTES)).isTrue();
    List<Path> left = new ArrayList<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder.resolve("incoming"))) {
      files.forEach(left::add);
    }
    assertThat(left).hasSize(1);
    assertThat(Files.size(left.get(0))).isBetween(1L, LENGTH - 1L);

    PartStore store = new FolderPartStore(folder);
    assertThat(store.exists(HASH)).isFalse();
    store.put(HASH, bytes(LENGTH), LENGTH);
    assertThat(store.exists(HASH)).isTrue();
    assertThat(left.get(0)).as("it may belong to an upload that goes on").exists();

    Files.setLastModifiedTime(left.get(0), FileTime.from(Instant.now().minus(2, ChronoUnit.DAYS)));
    store.put("b".repeat(64), bytes(1), 1);
    assertThat(left.get(0)).doesNotExist();
  }

  private static InputStream bytes(int length) {
    byte[] bytes = new byte[length];
    for (int at = 0; at < length; at++) {
      bytes[at] = (byte) ((at * 31) >> 3);
    }
    return new ByteArrayInputStream(bytes);
  }

  /** Uploads half a part, says so, and waits to be killed. */
  static final class HalfUpload {
    private HalfUpload() {}

    public static void main(String[] arguments) throws IOException {
      InputStream half =
          new InputStream() {
            private int given;

            @Override
            public int read() {
              throw new UnsupportedOperationException("bytes are read in blocks");
            }

            @Override
            public int read(byte[] target, int offset, int length) throws IOException {
              if (given >= LENGTH / 2) {
                System.out.print('h');
                System.out.flush();
                return System.in.read(target, offset, length);
              }
              given += length;
              return length;
            }
          };
      new FolderPartStore(Path.of(arguments[0])).put(HASH, half, LENGTH);
    }
  }
}
