package io.lancebackfill.call;

import io.lancebackfill.table.CallCatalog;
import org.apache.spark.sql.SparkSession;

/**
 * Where a procedure was called.
 *
 * @param session the session of the CALL
 * @param catalog the catalog that the CALL names
 */
public record ProcedureContext(SparkSession session, CallCatalog catalog) {}
