package io.lancebackfill.datasource.arrow;

import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;

/** Compares fields by how their vectors are laid out. */
public final class FieldLayout {
  private FieldLayout() {}

  /**
   * Whether vectors of one field can stand for vectors of the other, but for NULLs. Names count in
   * structs only: what a list calls its child is of no importance.
   */
  public static boolean same(Field expected, Field found) {
    if (!expected.getType().equals(found.getType())
        || found.getDictionary() != null
        || expected.getChildren().size() != found.getChildren().size()) {
      return false;
    }
    for (int i = 0; i < expected.getChildren().size(); i++) {
      Field child = expected.getChildren().get(i);
      Field other = found.getChildren().get(i);
      boolean sameName =
          !(expected.getType() instanceof ArrowType.Struct)
              || child.getName().equals(other.getName());
      if (!sameName || !same(child, other)) {
        return false;
      }
    }
    return true;
  }
}
