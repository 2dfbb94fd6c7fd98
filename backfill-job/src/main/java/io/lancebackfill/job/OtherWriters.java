package io.lancebackfill.job;

import io.lancebackfill.datasource.commit.ColumnFileAttachment;
import io.lancebackfill.datasource.commit.ColumnFileCommitter;
import io.lancebackfill.datasource.commit.Refusal;
import io.lancebackfill.datasource.table.FragmentSnapshot;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.state.ColumnOrigin;
import io.lancebackfill.state.ComputedColumn;
import io.lancebackfill.table.Tables;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.apache.spark.sql.SparkSession;

/** Looks between a job's rounds at what other writers did to its column meanwhile. */
final class OtherWriters {
  private final SparkSession spark;
  private final BackfillRequest request;

  OtherWriters(SparkSession spark, BackfillRequest request) {
    this.spark = spark;
    this.request = request;
  }

  /**
   * The call for another round: bound anew if others changed the columns.
   *
   * @throws BackfillException COLUMN_DROPPED or COLUMN_CHANGED if there is nothing to go on with
   */
  CheckedCall stillAgreed(CheckedCall call, TableSnapshot table) {
    CheckedCall present = call.presentIn(table);
    Set<Integer> ids = new HashSet<>();
    table.columns().forEach(column -> ids.add(column.id()));
    if (!ids.containsAll(present.column().fieldIds())) {
      throw new BackfillException(
          BackfillErrorCode.COLUMN_DROPPED,
          ("Column %s is not in version %d any more: it was dropped while the job ran, or the table"
                  + " was restored to a version before it. What was finished is kept as it is; declare"
                  + " the column again if it is still wanted.")
              .formatted(call.column().name(), table.version()));
    }
    boolean inputsThere =
        present.bound().inputs().stream().allMatch(input -> ids.contains(input.id()));
    if (call.pinned() != null || (inputsThere && declares(table, present.column()))) {
      return call;
    }
    CheckedCall again = BackfillCheck.call(spark, request).withJobId(call.jobId());
    if (!again.column().fingerprint().equals(call.column().fingerprint())) {
      throw new BackfillException(
          BackfillErrorCode.COLUMN_CHANGED,
          ("Column %s has another function in version %d than this job was started with: it was"
                  + " altered meanwhile, or the table was restored to a version before that. What was"
                  + " finished is committed or kept; the same call goes on with the present function.")
              .formatted(call.column().name(), table.version()));
    }
    return again;
  }

  /** Whether the table's version still declares the columns with the same function. */
  private static boolean declares(TableSnapshot table, ComputedColumn column) {
    return ComputedColumn.all(table).stream()
        .anyMatch(
            declared ->
                declared.fieldIds().equals(column.fieldIds())
                    && declared.fingerprint().equals(column.fingerprint())
                    && declared.require().equals(column.require()));
  }

  /**
   * Fragments that others gave another file of the column than they had, or got from this job: only
   * a restore does that without a conflict.
   *
   * @param planned the version that the round was planned on
   * @param committed what the round attached, by fragment
   */
  Map<Integer, Refusal> takenBack(
      CheckedCall call, TableSnapshot planned, Map<Integer, ColumnFileAttachment> committed) {
    if (committed.isEmpty()) {
      return Map.of();
    }
    TableSnapshot newest = Tables.latest(request.table());
    List<TableColumn> columns = call.column().presentIn(newest).columns();
    Map<Integer, FragmentSnapshot> present = newest.fragmentsById();
    Map<Integer, Refusal> takenBack = new TreeMap<>();
    for (FragmentSnapshot before : planned.fragments()) {
      FragmentSnapshot now = present.get(before.id());
      if (now == null || now.physicalRows() != before.physicalRows()) {
        continue;
      }
      ColumnFileAttachment file = committed.get(before.id());
      Optional<String> expected =
          file == null
              ? ColumnFileCommitter.place(before, call.column().columns()).map(ColumnOrigin::pathOf)
              : Optional.of(file.file().path());
      if (!ColumnFileCommitter.place(now, columns).map(ColumnOrigin::pathOf).equals(expected)) {
        takenBack.put(before.id(), Refusal.TAKEN_BACK);
      }
    }
    return takenBack;
  }
}
