package io.lancebackfill.datasource.catalog;

import java.util.List;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.types.StructType;

/**
 * A table, most often with computed columns, that is about to be written, before it is settled in
 * which shape. It takes any schema, so that Spark's own resolution waits; a rule of the session
 * looks at what is written and puts one of the two tables in its place. It cannot be written
 * itself.
 */
public interface IngestionTarget extends Table {
  /** The schema with all columns. */
  StructType wholeSchema();

  /** Names of the computed columns, in the schema's order. */
  List<String> computedColumns();

  /** Whether Spark still has to resolve what an UPDATE or MERGE assigns. */
  boolean awaitsAssignments();

  /** The table for as long as Spark resolves what an UPDATE or MERGE assigns. */
  Table assignedTable();

  /** The table without its computed columns: appends and overwrites need not name them. */
  Table ingestTable();

  /** The table as it is, for what changes rows that are there. */
  Table wholeTable();
}
