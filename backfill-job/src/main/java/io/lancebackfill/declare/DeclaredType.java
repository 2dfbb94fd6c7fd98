package io.lancebackfill.declare;

import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.spark.sql.catalyst.parser.CatalystSqlParser$;
import org.apache.spark.sql.catalyst.parser.ParseException;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;

/**
 * The {@code data_type} of a declaration: a Spark SQL type, or {@code fixed_size_list<float>[256]}.
 *
 * @param vectorDim values of each row's vector; 0 if it is none
 */
record DeclaredType(String text, DataType type, int vectorDim) {
  private static final Pattern VECTOR =
      Pattern.compile(
          "\\s*fixed_size_list\\s*<\\s*([a-z0-9]+)\\s*>\\s*\\[\\s*([0-9]{1,9})\\s*]\\s*",
          Pattern.CASE_INSENSITIVE);

  /**
   * @throws BackfillException UNSUPPORTED_TYPE if the text is no type
   */
  static DeclaredType parse(String text) {
    Matcher vector = VECTOR.matcher(text);
    try {
      if (vector.matches()) {
        int dim = ColumnOptions.vectorDim(vector.group(2));
        DataType element = sparkType(vector.group(1));
        return new DeclaredType(text, DataTypes.createArrayType(element, true), dim);
      }
      return new DeclaredType(text, sparkType(text), 0);
    } catch (ParseException e) {
      throw new BackfillException(
          BackfillErrorCode.UNSUPPORTED_TYPE,
          "data_type '%s' is no type. Give one of Spark SQL, such as bigint or array<string>, or fixed_size_list<float>[256] for a vector."
              .formatted(text),
          e);
    }
  }

  private static DataType sparkType(String text) throws ParseException {
    return CatalystSqlParser$.MODULE$.parseDataType(text);
  }

  @Override
  public String toString() {
    return text;
  }
}
