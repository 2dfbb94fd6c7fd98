package io.lancebackfill.catalog;

import io.lancebackfill.datasource.table.LanceCatalog;

/**
 * The catalog that users configure: {@code
 * spark.sql.catalog.lance=io.lancebackfill.catalog.LanceBackfillCatalog}, with lance-spark's
 * options ({@code impl}, {@code root}, {@code storage.*}). Procedures are called on it: {@code CALL
 * lance.system.backfill(...)}.
 */
public final class LanceBackfillCatalog extends LanceCatalog {}
