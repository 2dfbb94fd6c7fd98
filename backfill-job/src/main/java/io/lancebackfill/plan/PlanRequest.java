package io.lancebackfill.plan;

import io.lancebackfill.coverage.ComputedInputs;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.datasource.table.TableSnapshot;
import io.lancebackfill.state.CheckpointStore.Checkpoint;
import io.lancebackfill.state.ColumnOrigin;
import io.lancebackfill.state.ComputedColumn;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Column;
import org.jspecify.annotations.Nullable;
import org.roaringbitmap.RoaringBitmap;

/**
 * What a plan is made from.
 *
 * @param inputs the version at which inputs are read and {@code where} is evaluated
 * @param current the version whose column values count
 * @param origins records of the column's files by path
 * @param computedInputs the records of those inputs that are computed columns
 * @param where a bound condition, or null
 * @param failedRows null for every row that needs computing; else only these, by fragment, and of
 *     them those that the records call failed, by whatever function
 * @param recompute whether fresh rows are computed too
 * @param recomputeUnknown whether rows of unknown origin are computed too
 * @param generation job id of the recompute; empty if it is none
 * @param maxFragments how many fragments at most; 0 for all
 */
public record PlanRequest(
    TableSnapshot inputs,
    TableSnapshot current,
    ComputedColumn column,
    List<TableColumn> inputColumns,
    Map<String, ColumnOrigin> origins,
    ComputedInputs computedInputs,
    List<Checkpoint> checkpoints,
    @Nullable Column where,
    @Nullable Map<Integer, RoaringBitmap> failedRows,
    boolean recompute,
    boolean recomputeUnknown,
    String generation,
    int maxFragments) {}
