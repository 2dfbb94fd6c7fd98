package io.lancebackfill.task;

import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.TableColumn;
import io.lancebackfill.exec.ErrorPolicy;
import io.lancebackfill.resource.FunctionResources;
import java.io.Serializable;
import java.util.List;
import org.apache.arrow.vector.types.pojo.Field;

/**
 * What all tasks of a job share; plain values, for executors.
 *
 * @param inputVersion version of the table at which inputs are read
 * @param columnVersion version at which the column's present values are read
 * @param storageVersion the table's data storage version, such as {@code 2.1}
 * @param columns the columns to fill
 * @param inputs names of the columns that the function reads, in the order of their declared names
 * @param checkpoints folder of the column's checkpoint datasets
 * @param generation job id of the recompute whose rows these are; empty otherwise
 * @param errors what becomes of rows on which the function fails
 * @param resources what each of them asks for
 * @param alone whether a process may run only one of them at a time
 */
public record JobTasks(
    String jobId,
    DatasetRef table,
    long inputVersion,
    long columnVersion,
    String storageVersion,
    List<TableColumn> columns,
    List<String> inputs,
    DatasetRef checkpoints,
    String generation,
    long checkpointIntervalMs,
    ErrorPolicy errors,
    FunctionResources resources,
    boolean alone)
    implements Serializable {
  public List<Field> fields() {
    return columns.stream().map(TableColumn::field).toList();
  }

  List<String> names() {
    return columns.stream().map(TableColumn::name).toList();
  }
}
