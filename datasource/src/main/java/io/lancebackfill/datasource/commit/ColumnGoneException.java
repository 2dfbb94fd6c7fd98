package io.lancebackfill.datasource.commit;

/**
 * A column that files were made for is not in the newest version of the table, or is another one
 * under the same id. Nothing was committed; Lance itself would have attached the files without a
 * word.
 */
public final class ColumnGoneException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public ColumnGoneException(String message) {
    super(message);
  }
}
