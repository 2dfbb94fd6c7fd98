package io.lancebackfill;

import io.lancebackfill.coverage.ComputedInputs;
import io.lancebackfill.coverage.FragmentCoverage;
import io.lancebackfill.datasource.table.DataFileInfo;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.DeletedRows;
import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.datasource.write.StagedColumnFile;
import io.lancebackfill.plan.FragmentPlan;
import io.lancebackfill.state.ColumnOrigin;
import io.lancebackfill.state.ColumnOrigin.Part;
import io.lancebackfill.state.ComputedColumn;
import io.lancebackfill.state.DeclaredInputs;
import io.lancebackfill.state.InputPlaces;
import io.lancebackfill.state.JobCounts;
import io.lancebackfill.state.JobEvent;
import io.lancebackfill.state.JobStatus;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.roaringbitmap.RoaringBitmap;

/**
 * Snapshots and records made by hand, of tables that exist nowhere: base data {@code a} (id 0) and
 * a computed column {@code v} (id 1) that reads it.
 */
public final class HandMade {
  public static final TableColumn A = column(0, "a", Map.of());
  public static final TableColumn V = column(1, "v", Map.of());
  public static final ComputedColumn COMPUTED = computed("F", V, A);

  private HandMade() {}

  public static TableColumn column(int id, String name, Map<String, String> metadata) {
    FieldType type = new FieldType(true, new ArrowType.Int(32, true), null, metadata);
    return new TableColumn(id, name, new Field(name, type, List.of()), List.of(id));
  }

  public static ComputedColumn computed(
      String fingerprint, TableColumn column, TableColumn... inputs) {
    List<String> names = Arrays.stream(inputs).map(TableColumn::name).toList();
    return new ComputedColumn(
        List.of(column),
        "f(" + String.join(", ", names) + ")",
        ComputedColumn.KIND_SQL,
        "",
        names,
        new DeclaredInputs(
            names, Arrays.stream(inputs).collect(Collectors.toMap(c -> c.id(), c -> c.name()))),
        fingerprint,
        Map.of(),
        Map.of());
  }

  public static DataFileInfo file(String path, Integer... fieldIds) {
    List<Integer> indices = IntStream.range(0, fieldIds.length).boxed().toList();
    return new DataFileInfo(path, List.of(fieldIds), indices, 2, 1, 100, null);
  }

  /** One without deleted rows. */
  public static FragmentSnapshot fragment(int id, long rows, DataFileInfo... files) {
    return new FragmentSnapshot(id, rows, 0, List.of(files), "");
  }

  public static FragmentSnapshot deleting(long rows, String deletionFile, FragmentSnapshot from) {
    return new FragmentSnapshot(from.id(), from.physicalRows(), rows, from.files(), deletionFile);
  }

  public static TableSnapshot table(long version, FragmentSnapshot... fragments) {
    return table(version, List.of(A, V), fragments);
  }

  public static TableSnapshot table(
      long version, List<TableColumn> columns, FragmentSnapshot... fragments) {
    return new TableSnapshot(
        DatasetRef.of("/nowhere"), version, "2.1", true, columns, List.of(fragments), Map.of());
  }

  public static RoaringBitmap rows(int... offsets) {
    return RoaringBitmap.bitmapOf(offsets);
  }

  /** Rows {@code [from, end)}. */
  public static RoaringBitmap range(int from, int end) {
    RoaringBitmap rows = new RoaringBitmap();
    rows.add((long) from, end);
    return rows;
  }

  /** Rows that a function made from these inputs. */
  public static Part part(String fingerprint, String inputs, RoaringBitmap computed) {
    return new Part(fingerprint, inputs, "", computed, new RoaringBitmap());
  }

  /** Rows that {@link #COMPUTED} made from the fragment's present inputs. */
  public static Part fresh(FragmentSnapshot fragment, RoaringBitmap computed) {
    return part("F", InputPlaces.of(fragment, List.of(A)), computed);
  }

  /** The record of the file that {@link #V} has in a fragment. */
  public static ColumnOrigin origin(FragmentSnapshot fragment, Part... parts) {
    return origin(COMPUTED, fragment, DeletedRows.NONE, parts);
  }

  public static ColumnOrigin origin(
      ComputedColumn column, FragmentSnapshot fragment, DeletedRows deleted, Part... parts) {
    String path = fragment.place(column.columns().get(0)).orElseThrow().path();
    return new ColumnOrigin(
        column.idKey(),
        fragment.id(),
        fragment.physicalRows(),
        staged(path, fragment.physicalRows()),
        "",
        List.of(parts),
        deleted,
        "job",
        1,
        Instant.EPOCH);
  }

  public static StagedColumnFile staged(String path, long rows) {
    return new StagedColumnFile(path, List.of(V.id()), List.of(0), 2, 1, 1000, rows);
  }

  public static Map<String, ColumnOrigin> byPath(ColumnOrigin... origins) {
    return Arrays.stream(origins).collect(Collectors.toMap(o -> o.file().path(), o -> o));
  }

  /** What is to be computed of a fragment of which no record says anything. */
  public static FragmentPlan toCompute(int id, long physicalRows, RoaringBitmap compute) {
    RoaringBitmap none = new RoaringBitmap();
    FragmentCoverage coverage =
        new FragmentCoverage(
            fragment(id, physicalRows),
            Optional.empty(),
            Optional.empty(),
            "",
            none,
            none,
            none,
            none,
            ComputedInputs.NONE,
            List.of());
    return new FragmentPlan(coverage, compute, compute, DeletedRows.NONE, List.of());
  }

  /** An event of a job on the column {@code n}. */
  public static JobEvent event(
      String jobId, String event, String columnIds, long epoch, long version, Instant at) {
    return new JobEvent(
        jobId,
        at,
        event,
        event.equals(JobEvent.ENDED) ? JobStatus.DONE : JobStatus.RUNNING,
        "n",
        columnIds,
        "driver",
        epoch,
        "",
        version,
        JobCounts.NONE,
        0,
        0,
        "{}",
        "",
        "");
  }
}
