package io.lancebackfill.datasource.table;

import io.lancebackfill.datasource.arrow.LanceEncoding;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.BinaryType;
import org.apache.spark.sql.types.BooleanType;
import org.apache.spark.sql.types.ByteType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DateType;
import org.apache.spark.sql.types.DecimalType;
import org.apache.spark.sql.types.DoubleType;
import org.apache.spark.sql.types.FloatType;
import org.apache.spark.sql.types.IntegerType;
import org.apache.spark.sql.types.LongType;
import org.apache.spark.sql.types.Metadata;
import org.apache.spark.sql.types.ShortType;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.types.TimestampNTZType;
import org.apache.spark.sql.types.TimestampType;
import org.apache.spark.sql.util.LanceArrowUtils;

/** Which types a computed column may have, by the storage version of its table. */
final class SupportedTypes {
  private SupportedTypes() {}

  /**
   * @param vectorDim values of each row's vector; 0 if it is to be none
   * @throws DatasetException INVALID_INPUT, with all that is wrong with the type
   */
  static void require(String column, DataType type, int vectorDim, String storageVersion) {
    List<String> faults = new ArrayList<>();
    if (vectorDim > 0 && !(type instanceof ArrayType array && isNumber(array.elementType()))) {
      faults.add(
          "it is to be a vector of %d values, and vectors come from arrays of tinyint, smallint, int, bigint, float or double"
              .formatted(vectorDim));
    }
    check(type, faults);
    if (faults.isEmpty()) {
      checkStorage(type, storageVersion, faults);
    }
    if (!faults.isEmpty()) {
      throw new DatasetException(
          DatasetException.Kind.INVALID_INPUT,
          "Column '%s' would be of type %s, which it cannot have: %s."
              .formatted(column, type.catalogString(), String.join("; ", faults)));
    }
  }

  private static void check(DataType type, List<String> faults) {
    if (type instanceof ArrayType array) {
      check(array.elementType(), faults);
    } else if (type instanceof StructType struct) {
      checkNames(struct, faults);
      for (var field : struct.fields()) {
        check(field.dataType(), faults);
      }
    } else if (!isNumber(type) && !isOtherLeaf(type)) {
      faults.add(
          "Lance and Spark do not share %s. Use numbers, boolean, string, binary, date, timestamp, decimal, and arrays or structs of them: cast the expression, make a map an array with map_entries, an interval a number"
              .formatted(type.catalogString()));
    }
  }

  private static void checkNames(StructType struct, List<String> faults) {
    if (struct.fields().length == 0) {
      faults.add("a struct needs a field");
    }
    Set<String> names = new HashSet<>();
    for (String name : struct.fieldNames()) {
      if (name.isBlank() || name.contains(".")) {
        faults.add("'%s' cannot name a field: it is blank or has a dot".formatted(name));
      }
      if (!names.add(name.toLowerCase(Locale.ROOT))) {
        faults.add("two fields of a struct have the name '%s'".formatted(name));
      }
    }
  }

  private static void checkStorage(DataType type, String storageVersion, List<String> faults) {
    if (holdsStruct(type) && (storageVersion.equals("2.0") || storageVersion.startsWith("0."))) {
      faults.add(
          "the table's storage version is %s, in which NULL structs do not survive. Create the table with file_format_version 2.1 or 2.2, or declare a column for each field, as a group with columns => array(...)"
              .formatted(storageVersion));
    }
    if (LanceEncoding.isUnsafe(
        LanceArrowUtils.toArrowField("column", type, true, "UTC", Metadata.empty()),
        storageVersion)) {
      faults.add(
          "the table's storage version is %s, in which Lance cannot be trusted with arrays of anything but plain values, nor with arrays of booleans or in a struct: writing or reading them can take the whole process down. Cast booleans to tinyint; make an array of structs, or a struct with arrays, a group of columns with columns => array(...), one for each field; or, for arrays of arrays or booleans, create the table with file_format_version 2.0"
              .formatted(storageVersion));
    }
  }

  private static boolean holdsStruct(DataType type) {
    return type instanceof StructType
        || (type instanceof ArrayType array && holdsStruct(array.elementType()));
  }

  private static boolean isNumber(DataType type) {
    return type instanceof ByteType
        || type instanceof ShortType
        || type instanceof IntegerType
        || type instanceof LongType
        || type instanceof FloatType
        || type instanceof DoubleType;
  }

  private static boolean isOtherLeaf(DataType type) {
    return type instanceof BooleanType
        || type instanceof StringType
        || type instanceof BinaryType
        || type instanceof DateType
        || type instanceof TimestampType
        || type instanceof TimestampNTZType
        || type instanceof DecimalType;
  }
}
