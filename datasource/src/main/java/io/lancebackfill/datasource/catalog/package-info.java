/**
 * lance-spark's catalog with tables that an INSERT sees without their computed columns: what it
 * writes are fragments whose files lack those columns, which read NULL until a backfill.
 */
@NullMarked
package io.lancebackfill.datasource.catalog;

import org.jspecify.annotations.NullMarked;
