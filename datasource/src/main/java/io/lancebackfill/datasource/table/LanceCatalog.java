package io.lancebackfill.datasource.table;

import org.lance.spark.LanceNamespaceSparkCatalog;

/** lance-spark's catalog, for other modules to build on: they may not name its classes. */
public class LanceCatalog extends LanceNamespaceSparkCatalog {}
