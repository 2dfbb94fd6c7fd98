package io.lancebackfill.datasource.catalog;

/** A table whose statement was looked at: it is written as it stands, and no rule comes back. */
final class SettledTable extends WholeTable {
  SettledTable(WholeTable whole) {
    super(whole, whole.schema());
  }
}
