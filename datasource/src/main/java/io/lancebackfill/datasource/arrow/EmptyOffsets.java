package io.lancebackfill.datasource.arrow;

import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.vector.BaseLargeVariableWidthVector;
import org.apache.arrow.vector.BaseVariableWidthVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.complex.LargeListVector;
import org.apache.arrow.vector.complex.ListVector;

/**
 * Gives vectors without values the one offset that Arrow's format demands. Java leaves the buffer
 * out, so Lance reads whatever lies behind the address; a batch whose lists are all empty or null
 * then kills the JVM.
 */
public final class EmptyOffsets {
  private EmptyOffsets() {}

  /** Repairs the vector and all below it, in place. */
  public static void repair(FieldVector vector) {
    if (vector.getValueCount() == 0) {
      repairEmpty(vector);
    }
    for (FieldVector child : vector.getChildrenFromFields()) {
      repair(child);
    }
  }

  private static void repairEmpty(FieldVector vector) {
    boolean repair;
    if (vector instanceof BaseVariableWidthVector || vector instanceof ListVector) {
      repair = isWrong(vector.getOffsetBuffer(), Integer.BYTES);
    } else if (vector instanceof BaseLargeVariableWidthVector
        || vector instanceof LargeListVector) {
      repair = isWrong(vector.getOffsetBuffer(), Long.BYTES);
    } else {
      repair = false;
    }
    if (repair) {
      vector.clear();
      vector.setInitialCapacity(1);
      vector.allocateNew();
      vector.setValueCount(0);
    }
  }

  private static boolean isWrong(ArrowBuf offsets, int width) {
    return offsets.capacity() < width || offsets.getInt(0) != 0;
  }
}
