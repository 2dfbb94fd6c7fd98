package io.lancebackfill.job;

import io.lancebackfill.table.TableTarget;
import java.util.Map;

/**
 * One call of backfill.
 *
 * @param table where the table is
 * @param column name of a computed column, or of one of a group
 * @param options values by option name, typed or as a CALL gives them
 */
public record BackfillRequest(TableTarget table, String column, Map<String, Object> options) {}
