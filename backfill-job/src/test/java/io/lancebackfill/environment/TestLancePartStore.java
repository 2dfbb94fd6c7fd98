package io.lancebackfill.environment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.datasource.store.StateRow;
import io.lancebackfill.datasource.store.StateTable;
import io.lancebackfill.datasource.store.StateTable.Column;
import io.lancebackfill.datasource.store.StateTable.Type;
import io.lancebackfill.datasource.table.DatasetRef;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@SuppressWarnings("InputStreamSlowMultibyteRead") // Streams that break off, of few bytes.
class TestLancePartStore {
  private static final String HASH = "ab".repeat(32);
  private static final int CHUNK = 1000;

  @TempDir private Path folder;

  private LancePartStore store() {
    return new LancePartStore(DatasetRef.of(folder.toString()), CHUNK);
  }

  /** As the store has it. */
  private StateTable rows() {
    return new StateTable(
        DatasetRef.of(folder.toString()).stateFolder().child("environments").child(HASH + ".lance"),
        List.of(
            new Column("upload", Type.STRING),
            new Column("position", Type.INT),
            new Column("content", Type.BINARY),
            new Column("at_ms", Type.LONG),
            new Column("chunks", Type.INT),
            new Column("sha256", Type.STRING)));
  }

  private static byte[] bytes(int length) {
    byte[] bytes = new byte[length];
    new Random(length).nextBytes(bytes);
    return bytes;
  }

  private void put(byte[] bytes) throws IOException {
    store().put(HASH, new ByteArrayInputStream(bytes), bytes.length);
  }

  private Path copy() {
    return folder.resolve("copy.zip");
  }

  /** Breaks off after these bytes. */
  private static InputStream broken(byte[] bytes) {
    return new SequenceInputStream(
        new ByteArrayInputStream(bytes),
        new InputStream() {
          @Override
          public int read() throws IOException {
            throw new IOException("the disk is gone");
          }
        });
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK})
  void aPartComesBackAsItWas(int length) throws IOException {
    assertThat(store().exists(HASH)).isFalse();
    put(bytes(length));
    put(bytes(length));
    assertThat(store().exists(HASH)).isTrue();
    store().fetch(HASH, copy());
    assertThat(copy()).hasBinaryContent(bytes(length));
    int chunks = Math.max(1, (length + CHUNK - 1) / CHUNK);
    assertThat(rows().read(null, List.of("position"))).hasSize(chunks);
  }

  @Test
  void aKnownPartCountsAsLongAsItIsListed() throws IOException {
    assertThat(store().knowing(Set.of(HASH)).exists(HASH)).isFalse();
    put(bytes(CHUNK));
    assertThat(store().knowing(Set.of(HASH)).exists(HASH)).isTrue();
    store().drop(HASH);
    assertThat(store().knowing(Set.of(HASH)).exists(HASH)).isFalse();
  }

  @Test
  void whatIsNotThereIsRefused() {
    assertThatThrownBy(() -> store().fetch(HASH, copy()))
        .isInstanceOf(NoSuchFileException.class)
        .hasMessageContaining("Package the manifest again");
    assertThatThrownBy(() -> store().exists("../" + HASH))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("is no hash of a part");
  }

  @ParameterizedTest
  @ValueSource(ints = {10, CHUNK, 2 * CHUNK + 10})
  void aPartOfAnotherLengthIsNotStored(int length) throws IOException {
    for (int told : new int[] {length - 1, length + 1}) {
      InputStream zip = new ByteArrayInputStream(bytes(length));
      assertThatThrownBy(() -> store().put(HASH, zip, told))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("was to have " + told + " bytes");
      assertThat(store().exists(HASH)).isFalse();
    }
    put(bytes(length));
    store().fetch(HASH, copy());
    assertThat(copy()).hasBinaryContent(bytes(length));
  }

  @Test
  void anUploadThatBreaksOffIsNotUsedAndGoesInTheEnd() throws IOException {
    InputStream half = broken(bytes(2 * CHUNK));
    assertThatThrownBy(() -> store().put(HASH, half, 3 * CHUNK)).hasMessage("the disk is gone");
    StateRow left = rows().read(null, List.of()).get(0);
    assertThat(store().exists(HASH)).isFalse();
    rows().append(List.of(Arrays.asList("old", 0, new byte[CHUNK], 1L, null, null)));

    put(bytes(3 * CHUNK));
    store().fetch(HASH, copy());
    assertThat(copy()).hasBinaryContent(bytes(3 * CHUNK));
    assertThat(rows().read(null, List.of("upload")).stream().map(row -> row.string("upload")))
        .as("one that ended a moment ago may go on; that of long ago does not")
        .contains(left.string("upload"))
        .doesNotContain("old");
  }

  @Test
  void uploadsAtOnceDoNotMix() throws IOException {
    byte[] first = bytes(3 * CHUNK);
    byte[] other = bytes(2 * CHUNK + 1);
    // As another JDK's deflater would zip the same files.
    InputStream meanwhile =
        new SequenceInputStream(
            new ByteArrayInputStream(first, 0, 2 * CHUNK),
            new InputStream() {
              private final InputStream rest =
                  new ByteArrayInputStream(first, 2 * CHUNK, first.length - 2 * CHUNK);
              private boolean put;

              @Override
              public int read() throws IOException {
                if (!put) {
                  put = true;
                  put(other);
                }
                return rest.read();
              }
            });
    store().put(HASH, meanwhile, first.length);
    store().fetch(HASH, copy());
    assertThat(copy()).hasBinaryContent(other);
    assertThat(rows().read("chunks IS NOT NULL", List.of("upload"))).hasSize(2);
  }

  /** As an append is whose answer was lost. */
  @Test
  void rowsThatAreThereTwiceAreRead() throws IOException {
    byte[] part = bytes(3 * CHUNK);
    put(part);
    StateRow second = rows().read("position = 1", List.of()).get(0);
    rows()
        .append(
            List.of(
                Arrays.asList(
                    second.string("upload"), 1, second.binary("content"), 1L, null, null)));
    store().fetch(HASH, copy());
    assertThat(copy()).hasBinaryContent(part);
  }

  @Test
  void damageIsNoticed() throws IOException {
    put(bytes(3 * CHUNK));
    StateRow second = rows().read("position = 1", List.of()).get(0);
    rows().delete("position = 1");
    assertThatThrownBy(() -> store().fetch(HASH, copy()))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(HASH + ".lance is damaged: it has no row at position 1");
    rows().append(List.of(Arrays.asList(second.string("upload"), 1, bytes(1), 1L, null, null)));
    assertThatThrownBy(() -> store().fetch(HASH, folder.resolve("again.zip")))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(HASH + ".lance is damaged: its content is not what was stored");
  }

  @Test
  void anotherUsersFolderIsNotTrusted() throws IOException {
    Path own = EnvironmentCache.ownFolder(folder, "cache");
    assertThat(EnvironmentCache.ownFolder(folder, "cache")).isEqualTo(own).isDirectory();
    Files.setPosixFilePermissions(own, PosixFilePermissions.fromString("rwxrwxrwx"));
    assertThatThrownBy(() -> EnvironmentCache.ownFolder(folder, "cache"))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("code from it is not run");
    Files.createSymbolicLink(folder.resolve("link"), own);
    assertThatThrownBy(() -> EnvironmentCache.ownFolder(folder, "link"))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("spark.lancebackfill.environments.cache");
  }
}
