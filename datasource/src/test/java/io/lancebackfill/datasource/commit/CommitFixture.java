package io.lancebackfill.datasource.commit;

import static io.lancebackfill.datasource.LanceFixture.INT32;
import static io.lancebackfill.datasource.LanceFixture.INT64;
import static io.lancebackfill.datasource.LanceFixture.UTF8;
import static io.lancebackfill.datasource.LanceFixture.field;
import static io.lancebackfill.datasource.LanceFixture.open;

import io.lancebackfill.datasource.LanceFixture;
import io.lancebackfill.datasource.table.AliveRows;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.DeletedRows;
import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.datasource.table.LanceAllocator;
import io.lancebackfill.datasource.table.LanceTables;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.datasource.write.ColumnFileWriter;
import io.lancebackfill.datasource.write.StagedColumnFile;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.jspecify.annotations.Nullable;
import org.lance.Dataset;
import org.lance.ipc.LanceScanner;
import org.lance.ipc.ScanOptions;
import org.roaringbitmap.RoaringBitmap;

/**
 * A table of ids (1000 times the fragment plus the offset) and texts, with an int column "out" to
 * fill: with id times 10 plus a number that tells the fillings apart.
 */
final class CommitFixture {
  static final int ROWS = 8;

  final DatasetRef ref;

  CommitFixture(Path folder, String storageVersion, boolean stableRowIds) {
    ref =
        LanceFixture.create(
            folder, storageVersion, stableRowIds, field("id", INT64), field("text", UTF8));
  }

  /** A fragment that has no data of columns that are declared later. */
  CommitFixture append() {
    LanceFixture.append(
        ref,
        ROWS,
        (root, fragment, i) -> {
          ((BigIntVector) root.getVector("id")).setSafe(i, 1000L * fragment + i);
          byte[] text = ("t" + i).getBytes(StandardCharsets.UTF_8);
          ((VarCharVector) root.getVector("text")).setSafe(i, text);
        });
    return this;
  }

  CommitFixture declare(String... names) {
    LanceTables.addColumns(ref, Stream.of(names).map(name -> field(name, INT32)).toList());
    return this;
  }

  TableSnapshot latest() {
    return LanceTables.latest(ref);
  }

  TableColumn column(String name) {
    return latest().column(name).orElseThrow();
  }

  ColumnFileCommitter committer(String... names) {
    return new ColumnFileCommitter(
        ref, Stream.of(names).map(this::column).toList(), AttachPolicy.UPDATE);
  }

  /** What a task would make now for the fragment: a file and what it was made from. */
  ColumnFileAttachment stage(int fragmentId, int filling, String... names) {
    return stage(latest(), fragmentId, filling, names);
  }

  ColumnFileAttachment stage(TableSnapshot table, int fragmentId, int filling, String... names) {
    FragmentSnapshot fragment = table.fragment(fragmentId).orElseThrow();
    List<TableColumn> columns =
        Stream.of(names).map(name -> table.column(name).orElseThrow()).toList();
    StagedColumnFile file;
    try (ColumnFileWriter writer =
            ColumnFileWriter.open(ref, table.storageVersion(), columns, LanceAllocator.root());
        VectorSchemaRoot batch = writer.newBatch()) {
      int rows = (int) fragment.physicalRows();
      for (FieldVector vector : batch.getFieldVectors()) {
        for (int i = 0; i < rows; i++) {
          int value = 10 * (1000 * fragmentId + i) + filling;
          if (vector instanceof IntVector ints) {
            ints.setSafe(i, value);
          } else {
            ((VarCharVector) vector).setSafe(i, ("f" + filling).getBytes(StandardCharsets.UTF_8));
          }
        }
      }
      batch.setRowCount(rows);
      writer.write(batch);
      file = writer.finish();
    }
    return new ColumnFileAttachment(
        fragmentId,
        fragment.physicalRows(),
        file,
        ColumnFileCommitter.place(fragment, columns).orElse(null),
        List.of(InputPlace.of(fragment, table.column("id").orElseThrow())),
        deleted(table, fragment));
  }

  private static DeletedRows deleted(TableSnapshot table, FragmentSnapshot fragment) {
    RoaringBitmap rows = RoaringBitmap.bitmapOfRange(0, fragment.physicalRows());
    rows.andNot(AliveRows.of(table.ref(), table.version(), fragment.id()));
    return new DeletedRows(fragment.deletionFile(), rows);
  }

  /** The same, made from the text column as well. */
  ColumnFileAttachment withInput(ColumnFileAttachment attachment, String input) {
    FragmentSnapshot fragment = latest().fragment(attachment.fragmentId()).orElseThrow();
    return new ColumnFileAttachment(
        attachment.fragmentId(),
        attachment.physicalRows(),
        attachment.file(),
        attachment.replaces(),
        List.of(InputPlace.of(fragment, column(input))),
        attachment.deleted());
  }

  /** Values of a column by id. */
  Map<Long, Object> values(String name) {
    return values(name, null);
  }

  Map<Long, Object> values(String name, @Nullable String filter) {
    Map<Long, Object> values = new TreeMap<>();
    ScanOptions.Builder options = new ScanOptions.Builder().columns(List.of("id", name));
    if (filter != null) {
      options.filter(filter);
    }
    try (Dataset dataset = open(ref);
        LanceScanner scanner = dataset.newScan(options.build());
        ArrowReader batches = scanner.scanBatches()) {
      while (batches.loadNextBatch()) {
        VectorSchemaRoot batch = batches.getVectorSchemaRoot();
        for (int i = 0; i < batch.getRowCount(); i++) {
          Object value = batch.getVector(name).getObject(i);
          values.put(
              ((BigIntVector) batch.getVector("id")).get(i),
              value == null ? "null" : value instanceof Integer ? value : value.toString());
        }
      }
    } catch (Exception e) {
      throw new AssertionError(e);
    }
    return values;
  }

  /** What the column must hold where fragments were filled; "null" in those of filling -1. */
  static Map<Long, Object> expected(int... fillings) {
    Map<Long, Object> values = new TreeMap<>();
    for (int fragment = 0; fragment < fillings.length; fragment++) {
      for (int i = 0; i < ROWS; i++) {
        long id = 1000L * fragment + i;
        values.put(
            id, fillings[fragment] < 0 ? "null" : (Object) (int) (10 * id + fillings[fragment]));
      }
    }
    return values;
  }

  /** Hashes of all data files by name. */
  Map<String, String> dataFiles() {
    Map<String, String> hashes = new TreeMap<>();
    try (Stream<Path> files = Files.list(Path.of(ref.uri(), "data"))) {
      for (Path file : files.toList()) {
        byte[] hash = MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file));
        hashes.put(file.getFileName().toString(), new BigInteger(1, hash).toString(16));
      }
    } catch (IOException | NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
    return hashes;
  }
}
