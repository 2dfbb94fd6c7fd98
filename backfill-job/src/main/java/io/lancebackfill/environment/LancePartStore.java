package io.lancebackfill.environment;

import io.lancebackfill.datasource.store.DatasetAge;
import io.lancebackfill.datasource.store.StateFolder;
import io.lancebackfill.datasource.store.StateRow;
import io.lancebackfill.datasource.store.StateTable;
import io.lancebackfill.datasource.store.StateTable.Column;
import io.lancebackfill.datasource.store.StateTable.Type;
import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.manifest.store.PartStore;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Parts of packaged manifests beside a catalog's tables, by its own storage options: {@code
 * _backfill/environments/<hash>.lance}, a row for each 8 MiB. The last row of an upload says how
 * many there are and what they hash to; a part without such a row is not there. Two uploads at once
 * do not mix. Memory: about three chunks for each thread.
 */
public final class LancePartStore implements PartStore {
  private static final int CHUNK = 8 << 20;

  /** Rows of an upload that has not ended by then are deleted by the next one. */
  private static final Duration ABANDONED = Duration.ofDays(1);

  private static final Pattern HASH = Pattern.compile("[0-9a-f]{64}");

  private static final List<Column> SCHEMA =
      List.of(
          new Column("upload", Type.STRING),
          new Column("position", Type.INT),
          new Column("content", Type.BINARY),
          new Column("at_ms", Type.LONG),
          new Column("chunks", Type.INT),
          new Column("sha256", Type.STRING));

  private final DatasetRef folder;
  private final int chunkBytes;
  private final Set<String> keptWhole;

  /** Those of them that are there, as of the first question. */
  private @Nullable Set<String> listed;

  /**
   * @param root folder of the catalog
   */
  public LancePartStore(DatasetRef root) {
    this(root.stateFolder().child("environments"), CHUNK, Set.of());
  }

  LancePartStore(DatasetRef root, int chunkBytes) {
    this(root.stateFolder().child("environments"), chunkBytes, Set.of());
  }

  private LancePartStore(DatasetRef folder, int chunkBytes, Set<String> keptWhole) {
    this.folder = folder;
    this.chunkBytes = chunkBytes;
    this.keptWhole = Set.copyOf(keptWhole);
  }

  /**
   * The same store, which need not open parts that are known to be whole as long as they are
   * listed.
   *
   * @param whole their hashes
   */
  public LancePartStore knowing(Set<String> whole) {
    return new LancePartStore(folder, chunkBytes, whole);
  }

  private synchronized Set<String> known() {
    Set<String> known = listed;
    if (known == null) {
      known = new HashSet<>(keptWhole);
      if (!known.isEmpty()) {
        known.retainAll(hashes());
      }
      listed = known;
    }
    return known;
  }

  /**
   * A whole upload.
   *
   * @param chunks rows, at positions from 0
   * @param sha256 of their content, in hexadecimal
   */
  private record Upload(String id, int chunks, String sha256) {}

  private StateTable part(String hash) {
    if (!HASH.matcher(hash).matches()) {
      throw new IllegalArgumentException(
          "'" + hash + "' is no hash of a part. It has 64 hexadecimal digits.");
    }
    return new StateTable(folder.child(hash + ".lance"), SCHEMA);
  }

  /** The hashes of all that is stored, uploads that never ended included. */
  public List<String> hashes() {
    return new StateFolder(folder)
        .children().stream().filter(name -> HASH.matcher(name).matches()).toList();
  }

  /** When rows of a part were last written; empty if it has no version that can be read. */
  public Optional<Instant> changedAt(String hash) {
    return DatasetAge.changedAt(part(hash).ref());
  }

  /** Deletes a part. */
  public void drop(String hash) {
    new StateFolder(folder).drop(hash);
  }

  private static Optional<Upload> whole(StateTable part) {
    return part.read("chunks IS NOT NULL", List.of("upload", "chunks", "sha256")).stream()
        .findFirst()
        .map(row -> new Upload(row.string("upload"), row.intValue("chunks"), row.string("sha256")));
  }

  @Override
  public boolean exists(String hash) throws IOException {
    StateTable part = part(hash);
    try {
      return known().contains(hash) || whole(part).isPresent();
    } catch (DatasetException e) {
      throw failed("looked for", hash, e);
    }
  }

  @Override
  public void put(String hash, InputStream zip, long length) throws IOException {
    StateTable part = part(hash);
    try {
      if (whole(part).isPresent()) {
        return;
      }
      Instant limit = Instant.now().minus(ABANDONED);
      part.delete("at_ms < " + limit.toEpochMilli());
      upload(part, zip, length);
    } catch (DatasetException e) {
      throw failed("stored", hash, e);
    }
  }

  private void upload(StateTable part, InputStream zip, long length) throws IOException {
    String id = UUID.randomUUID().toString();
    MessageDigest digest = sha256();
    byte[] chunk = zip.readNBytes(chunkBytes);
    long read = chunk.length;
    for (int position = 0; ; position++) {
      digest.update(chunk);
      byte[] next = zip.readNBytes(chunkBytes);
      read += next.length;
      boolean last = next.length == 0;
      if (read > length || (last && read < length)) {
        throw new IOException(
            "A part was to have %d bytes and had %s%d. Nothing was stored; package the manifest again."
                .formatted(length, last ? "" : "at least ", read));
      }
      append(part, id, position, chunk, last ? digest : null);
      if (last) {
        return;
      }
      chunk = next;
    }
  }

  /** Appends a row; the last one with the digest. */
  private static void append(
      StateTable part, String id, int position, byte[] chunk, @Nullable MessageDigest last) {
    part.append(
        List.of(
            Arrays.asList(
                id,
                position,
                chunk,
                System.currentTimeMillis(),
                last == null ? null : position + 1,
                last == null ? null : HexFormat.of().formatHex(last.digest()))));
  }

  @Override
  public void fetch(String hash, Path target) throws IOException {
    StateTable part = part(hash);
    try {
      Upload upload =
          whole(part)
              .orElseThrow(
                  () ->
                      new NoSuchFileException(
                          part.ref().display(),
                          null,
                          "the part is not in the store. Package the manifest again; it uploads"
                              + " what is missing"));
      MessageDigest digest = sha256();
      try (OutputStream out = Files.newOutputStream(target, StandardOpenOption.CREATE_NEW)) {
        for (int position = 0; position < upload.chunks(); position++) {
          byte[] chunk = chunk(part, upload, position);
          digest.update(chunk);
          out.write(chunk);
        }
      }
      if (!HexFormat.of().formatHex(digest.digest()).equals(upload.sha256())) {
        throw damaged(part, "its content is not what was stored");
      }
    } catch (DatasetException e) {
      throw failed("fetched", hash, e);
    }
  }

  private static byte[] chunk(StateTable part, Upload upload, int position) throws IOException {
    List<StateRow> rows =
        part.read(
            "upload = '%s' AND position = %d".formatted(upload.id(), position), List.of("content"));
    // An append whose answer was lost is repeated: then there are two rows that are alike.
    if (rows.isEmpty()) {
      throw damaged(part, "it has no row at position %d".formatted(position));
    }
    return rows.get(0).binary("content");
  }

  private static IOException damaged(StateTable part, String how) {
    return new IOException(
        "Part %s is damaged: %s. Delete that folder and package the manifest again."
            .formatted(part.ref().display(), how));
  }

  private static IOException failed(String what, String hash, DatasetException e) {
    return new IOException(
        "Part %s could not be %s: %s".formatted(hash, what, String.valueOf(e.getMessage())), e);
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public String toString() {
    return "LancePartStore[" + folder.display() + "]";
  }
}
