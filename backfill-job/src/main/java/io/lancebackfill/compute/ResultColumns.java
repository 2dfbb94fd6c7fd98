package io.lancebackfill.compute;

import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.BitVectorHelper;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.complex.StructVector;
import org.apache.arrow.vector.types.pojo.Field;

/** Makes a function's result the vectors of a job's columns. */
final class ResultColumns {
  private final List<Field> fields;

  /**
   * @param fields of the job's columns: several are the fields of the function's struct
   */
  ResultColumns(List<Field> fields) {
    this.fields = fields;
  }

  /** Takes the result's vectors out of their owner's hands: one, or the fields of a group. */
  List<FieldVector> of(FieldVector values, BufferAllocator own) {
    List<FieldVector> taken = new ArrayList<>();
    if (fields.size() == 1) {
      taken.add(transfer(values, fields.get(0), own));
      return taken;
    }
    StructVector struct = (StructVector) values;
    try {
      for (FieldVector child : struct.getChildrenFromFields()) {
        for (int row = 0; row < struct.getValueCount(); row++) {
          if (struct.isNull(row)) {
            // setNull() is for rows in their order: it would empty the lists that come after.
            BitVectorHelper.unsetBit(child.getValidityBuffer(), row);
          }
        }
        taken.add(transfer(child, fields.get(taken.size()), own));
      }
      return taken;
    } catch (RuntimeException e) {
      taken.forEach(FieldVector::close);
      throw e;
    }
  }

  /** One row that is NULL. */
  List<FieldVector> nulls(BufferAllocator own) {
    List<FieldVector> nulls = new ArrayList<>();
    for (Field field : fields) {
      FieldVector vector = field.createVector(own);
      nulls.add(vector);
      vector.setInitialCapacity(1);
      vector.allocateNew();
      vector.setValueCount(1);
    }
    return nulls;
  }

  /** The field is the column's own, so that its vectors can be joined with others of the column. */
  private static FieldVector transfer(FieldVector values, Field field, BufferAllocator own) {
    FieldVector taken = field.createVector(own);
    values.makeTransferPair(taken).transfer();
    return taken;
  }
}
