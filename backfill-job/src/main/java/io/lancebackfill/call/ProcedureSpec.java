package io.lancebackfill.call;

import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.apache.spark.sql.types.StructType;

/**
 * What a caller may know of a procedure.
 *
 * @param name snake_case; compared without case
 * @param parameters in the order in which positional arguments are taken; the required ones first
 * @param output the result columns
 * @param doc one sentence for users
 */
public record ProcedureSpec(
    String name, List<ProcedureParameter> parameters, StructType output, String doc) {
  public ProcedureSpec {
    parameters = List.copyOf(parameters);
    Set<String> seen = new HashSet<>();
    boolean optionalSeen = false;
    for (ProcedureParameter parameter : parameters) {
      if (!seen.add(parameter.name().toLowerCase(Locale.ROOT))) {
        throw new IllegalArgumentException(
            "Procedure " + name + " has two parameters named " + parameter.name());
      }
      if (parameter.required() && optionalSeen) {
        throw new IllegalArgumentException(
            "Procedure "
                + name
                + " has the required parameter "
                + parameter.name()
                + " after an optional one");
      }
      optionalSeen |= !parameter.required();
    }
  }

  List<String> parameterNames() {
    return parameters.stream().map(ProcedureParameter::name).toList();
  }
}
