package io.lancebackfill.datasource.read;

import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetException.Kind;
import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.datasource.table.TableSnapshot;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.connector.catalog.MetadataColumn;
import org.apache.spark.sql.connector.catalog.SupportsMetadataColumns;
import org.apache.spark.sql.connector.catalog.SupportsRead;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableCapability;
import org.apache.spark.sql.connector.read.ScanBuilder;
import org.apache.spark.sql.execution.datasources.v2.DataSourceV2Relation;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;
import scala.Option;

/**
 * Ranges of fragments of one pinned version as a Spark table. Partition {@code i} of its scan is
 * the {@code i}-th range, always: ranges without rows, and those of which a pushed filter leaves
 * none, keep their partition.
 *
 * <p>Only Spark can still take partitions away, before it comes to the scan: a filter that is never
 * true, such as {@code WHERE false}, is replaced by an empty relation.
 *
 * <p>Rows carry the metadata columns {@code _rowaddr} BIGINT (fragment id * 2^32 + physical offset)
 * and {@code _fragid} INT.
 */
public final class FragmentTable implements Table, SupportsRead, SupportsMetadataColumns {
  private final TableSnapshot snapshot;
  private final List<FragmentPartition> partitions;
  private final int batchSize;
  private final StructType schema;

  private FragmentTable(TableSnapshot snapshot, List<FragmentPartition> partitions, int batchSize) {
    this.snapshot = snapshot;
    this.partitions = partitions;
    this.batchSize = batchSize;
    this.schema = snapshot.sparkSchema();
  }

  /** All rows: one partition for each fragment, in the manifest's order. */
  public static FragmentTable of(TableSnapshot snapshot) {
    return of(snapshot, BatchSizes.fitting(snapshot));
  }

  /** All rows, in batches of at most {@code batchSize}. */
  static FragmentTable of(TableSnapshot snapshot, int batchSize) {
    return of(snapshot, snapshot.fragments().stream().map(FragmentRange::all).toList(), batchSize);
  }

  /**
   * The given ranges, one partition each, in this order. Ranges may overlap.
   *
   * @param batchSize most rows of a batch, from 1
   * @throws DatasetException NOT_FOUND if the version has no such fragment; INVALID_INPUT if the
   *     batch size is below 1
   */
  public static FragmentTable of(
      TableSnapshot snapshot, List<FragmentRange> ranges, int batchSize) {
    return packed(snapshot, ranges.stream().map(List::of).toList(), batchSize);
  }

  /**
   * The given ranges, one partition for each list of them, in this order: many small fragments are
   * read together in less time. Its errors are those of the form with one range each.
   */
  public static FragmentTable packed(
      TableSnapshot snapshot, List<List<FragmentRange>> ranges, int batchSize) {
    if (batchSize < 1) {
      throw new DatasetException(
          Kind.INVALID_INPUT, "Batch size " + batchSize + " is too small; give at least 1 row.");
    }
    Map<Integer, FragmentSnapshot> fragments = new HashMap<>();
    snapshot.fragments().forEach(fragment -> fragments.put(fragment.id(), fragment));
    List<FragmentPartition> partitions = new ArrayList<>(ranges.size());
    for (List<FragmentRange> together : ranges) {
      partitions.add(
          new FragmentPartition(
              together.stream().map(range -> piece(snapshot, fragments, range)).toList()));
    }
    return new FragmentTable(snapshot, List.copyOf(partitions), batchSize);
  }

  private static FragmentPiece piece(
      TableSnapshot snapshot, Map<Integer, FragmentSnapshot> fragments, FragmentRange range) {
    FragmentSnapshot fragment = fragments.get(range.fragmentId());
    if (fragment == null) {
      throw new DatasetException(
          Kind.NOT_FOUND,
          "Version "
              + snapshot.version()
              + " of "
              + snapshot.ref().display()
              + " has no fragment "
              + range.fragmentId()
              + ". Plan the read on the fragments of that version.");
    }
    return new FragmentPiece(fragment, range);
  }

  /** A DataFrame over this table, without a catalog; metadata columns are selected by name. */
  public Dataset<Row> toDataFrame(SparkSession spark) {
    return Dataset.ofRows(spark, DataSourceV2Relation.create(this, Option.empty(), Option.empty()));
  }

  TableSnapshot snapshot() {
    return snapshot;
  }

  List<FragmentPartition> partitions() {
    return partitions;
  }

  int batchSize() {
    return batchSize;
  }

  @Override
  public String name() {
    return "lance-fragments " + snapshot.ref().display() + " version " + snapshot.version();
  }

  // Deprecated in Spark, and still the one that everything else falls back on.
  @Override
  @Deprecated
  public StructType schema() {
    return schema;
  }

  StructType sparkSchema() {
    return schema;
  }

  @Override
  public Set<TableCapability> capabilities() {
    return Set.of(TableCapability.BATCH_READ);
  }

  @Override
  public MetadataColumn[] metadataColumns() {
    return RowMetadata.ALL.toArray(new MetadataColumn[0]);
  }

  @Override
  public ScanBuilder newScanBuilder(CaseInsensitiveStringMap options) {
    return new FragmentScanBuilder(this);
  }

  @Override
  public String toString() {
    return name();
  }
}
