package io.lancebackfill.exec;

import java.util.List;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;

/** Compares types without what does not matter to values: nullability, list children's names. */
final class ArrowTypeMatch {
  private ArrowTypeMatch() {}

  static boolean sameType(Field a, Field b) {
    if (!a.getType().equals(b.getType()) || a.getChildren().size() != b.getChildren().size()) {
      return false;
    }
    boolean named = a.getType() instanceof ArrowType.Struct;
    for (int i = 0; i < a.getChildren().size(); i++) {
      Field childOfA = a.getChildren().get(i);
      Field childOfB = b.getChildren().get(i);
      if (named && !childOfA.getName().equals(childOfB.getName())) {
        return false;
      }
      if (!sameType(childOfA, childOfB)) {
        return false;
      }
    }
    return true;
  }

  static String describe(Field field) {
    if (field.getChildren().isEmpty()) {
      return field.getType().toString();
    }
    boolean named = field.getType() instanceof ArrowType.Struct;
    List<String> children =
        field.getChildren().stream()
            .map(child -> (named ? child.getName() + ": " : "") + describe(child))
            .toList();
    return field.getType() + "<" + String.join(", ", children) + ">";
  }
}
