package io.lancebackfill.benchmarks;

import io.lancebackfill.benchmarks.Workload.Fill;
import io.lancebackfill.datasource.table.LanceAllocator;
import io.lancebackfill.udf.ColumnUdf;
import io.lancebackfill.udf.ColumnUdfs;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.arrow.c.ArrowArrayStream;
import org.apache.arrow.c.Data;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
import org.lance.CommitBuilder;
import org.lance.Dataset;
import org.lance.Fragment;
import org.lance.FragmentMetadata;
import org.lance.Transaction;
import org.lance.WriteParams.WriteMode;
import org.lance.fragment.DataFile;
import org.lance.ipc.LanceScanner;
import org.lance.ipc.ScanOptions;
import org.lance.operation.DataReplacement;
import org.lance.operation.DataReplacement.DataReplacementGroup;
import org.lance.schema.LanceField;

/**
 * What a program written for one table would do with lance-core alone: scan, compute, write a
 * column file for each fragment on as many threads as there are slots, one commit. No Spark, no
 * records, no checkpoints, no conflict handling.
 */
final class FloorArm implements Arm {
  static final String NAME = "floor: lance-core by hand";

  private static final int BATCH_ROWS = 4096;

  private final int slots;
  private final String storageVersion;

  FloorArm(int slots, String storageVersion) {
    this.slots = slots;
    this.storageVersion = storageVersion;
  }

  @Override
  public String id() {
    return "floor";
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public void fill(TableCopy table, Fill fill) throws Exception {
    try (BufferAllocator allocator = LanceAllocator.child("floor");
        Dataset dataset = Dataset.open().allocator(allocator).uri(table.uri()).build()) {
      Field field = field(fill);
      dataset.addColumns(List.of(field));
      int[] fieldIds = fieldIds(dataset);
      List<DataReplacementGroup> files = writeAll(dataset, table, fill, field, fieldIds, allocator);
      try (Transaction transaction =
              new Transaction.Builder()
                  .readVersion(dataset.version())
                  .operation(DataReplacement.builder().replacements(files).build())
                  .build();
          Dataset committed = new CommitBuilder(dataset).execute(transaction)) {
        if (committed.version() <= dataset.version()) {
          throw new IllegalStateException("The commit made no new version");
        }
      }
    }
  }

  private List<DataReplacementGroup> writeAll(
      Dataset dataset,
      TableCopy table,
      Fill fill,
      Field field,
      int[] fieldIds,
      BufferAllocator allocator)
      throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(slots);
    try {
      List<Future<DataReplacementGroup>> writing = new ArrayList<>();
      for (Fragment fragment : dataset.getFragments()) {
        writing.add(
            threads.submit(
                () -> write(dataset, fragment.getId(), table, fill, field, fieldIds, allocator)));
      }
      List<DataReplacementGroup> files = new ArrayList<>();
      for (Future<DataReplacementGroup> file : writing) {
        files.add(file.get());
      }
      return files;
    } finally {
      threads.shutdown();
    }
  }

  private DataReplacementGroup write(
      Dataset dataset,
      int fragment,
      TableCopy table,
      Fill fill,
      Field field,
      int[] fieldIds,
      BufferAllocator allocator)
      throws Exception {
    ScanOptions options =
        new ScanOptions.Builder()
            .fragmentIds(List.of(fragment))
            .columns(List.of(fill.input()))
            .batchSize(BATCH_ROWS)
            .build();
    try (LanceScanner scanner = dataset.newScan(options);
        ColumnUdf function = ColumnUdfs.load(fill.function());
        ComputedReader rows =
            new ComputedReader(
                scanner.scanBatches(), function, new Schema(List.of(field)), allocator);
        ArrowArrayStream stream = ArrowArrayStream.allocateNew(allocator)) {
      Data.exportArrayStream(allocator, rows, stream);
      List<FragmentMetadata> written =
          Fragment.write()
              .datasetUri(table.uri())
              .allocator(allocator)
              .data(stream)
              .mode(WriteMode.OVERWRITE)
              .maxRowsPerFile(Integer.MAX_VALUE)
              .maxBytesPerFile(Long.MAX_VALUE)
              .dataStorageVersion(storageVersion)
              .execute();
      DataFile file = written.get(0).getFiles().get(0);
      return new DataReplacementGroup(
          fragment,
          new DataFile(
              file.getPath(),
              fieldIds,
              file.getColumnIndices(),
              file.getFileMajorVersion(),
              file.getFileMinorVersion(),
              file.getFileSizeBytes(),
              null));
    }
  }

  private static Field field(Fill fill) throws Exception {
    try (ColumnUdf function = ColumnUdfs.load(fill.function())) {
      Field output = function.output(List.of());
      return new Field(TableCopy.COLUMN, output.getFieldType(), output.getChildren());
    }
  }

  /** A number and a vector of numbers are one field each in a file. */
  private static int[] fieldIds(Dataset dataset) {
    return dataset.getLanceSchema().fields().stream()
        .filter(field -> field.getName().equals(TableCopy.COLUMN))
        .mapToInt(LanceField::getId)
        .toArray();
  }
}
