package io.lancebackfill.call;

import io.lancebackfill.error.BackfillErrorCode;
import io.lancebackfill.error.BackfillException;
import io.lancebackfill.error.NearestName;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** Procedures by name, without case. */
public final class ProcedureRegistry {
  private final Map<String, Procedure> procedures = new TreeMap<>();

  /**
   * @throws IllegalArgumentException if two procedures have one name
   */
  public ProcedureRegistry(Collection<? extends Procedure> procedures) {
    for (Procedure procedure : procedures) {
      String name = procedure.spec().name().toLowerCase(Locale.ROOT);
      if (this.procedures.put(name, procedure) != null) {
        throw new IllegalArgumentException("Two procedures are named " + name);
      }
    }
  }

  /**
   * @throws BackfillException UNKNOWN_PROCEDURE with the names that there are
   */
  public Procedure procedure(String name) {
    Procedure procedure = procedures.get(name.toLowerCase(Locale.ROOT));
    if (procedure == null) {
      throw new BackfillException(
          BackfillErrorCode.UNKNOWN_PROCEDURE,
          "There is no procedure '%s'.%s There are: %s."
              .formatted(
                  name,
                  NearestName.hint(name, procedures.keySet()),
                  String.join(", ", procedures.keySet())));
    }
    return procedure;
  }

  /** All procedures, by name. */
  public List<Procedure> procedures() {
    return List.copyOf(procedures.values());
  }
}
