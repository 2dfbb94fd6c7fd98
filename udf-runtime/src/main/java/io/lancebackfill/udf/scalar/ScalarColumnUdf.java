package io.lancebackfill.udf.scalar;

import io.lancebackfill.udf.ColumnUdf;
import io.lancebackfill.udf.ScalarUdf;
import io.lancebackfill.udf.UdfContext;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.types.pojo.Field;
import org.jspecify.annotations.Nullable;

/** Calls a function on Java values for each row of a batch. */
public final class ScalarColumnUdf implements ColumnUdf {
  private final ScalarUdf function;
  private final JavaSignature signature;

  private List<ValueReader> readers = List.of();
  private @Nullable Field output;
  private @Nullable ValueWriter writer;

  /**
   * @throws IllegalArgumentException if the class is none that can be called with Java values
   */
  public ScalarColumnUdf(ScalarUdf function) {
    this.function = function;
    this.signature = JavaSignature.of(function.getClass());
  }

  /** What is called, whose code counts. */
  public ScalarUdf function() {
    return function;
  }

  /** Calls one row of the function: itself, or within limits. */
  @FunctionalInterface
  public interface RowCall {
    @Nullable Object call(Callable<@Nullable Object> row) throws Exception;
  }

  /**
   * What came of a batch.
   *
   * @param values those of its first rows, up to the one that failed
   * @param thrown what that one threw; null if none failed
   * @param unfit why its value is none of the type that was declared, as the end of a sentence that
   *     begins with the function; null if it is one
   */
  public record Rows(FieldVector values, @Nullable Throwable thrown, @Nullable String unfit) {}

  @Override
  public Field output(List<Field> inputs) {
    List<String> faults = new ArrayList<>();
    List<ValueReader> found = new ArrayList<>();
    int arguments = signature.arguments().size();
    if (inputs.size() != arguments) {
      faults.add(
          "it takes %d arguments, %s, not %d"
              .formatted(
                  arguments,
                  signature.arguments().stream().map(JavaSignature::name).toList(),
                  inputs.size()));
    }
    for (int i = 0; i < Math.min(inputs.size(), arguments); i++) {
      Field input = inputs.get(i);
      ValueReader reader = ValueReader.of(signature.arguments().get(i), input);
      if (reader != null) {
        found.add(reader);
      } else {
        faults.add(
            "argument %d is %s, and column '%s' is of type %s"
                .formatted(
                    i + 1,
                    JavaSignature.name(signature.arguments().get(i)),
                    input.getName(),
                    typeOf(input)));
      }
    }
    if (faults.isEmpty()) {
      Field given = given(inputs, faults);
      if (given != null) {
        output = given;
      }
    }
    if (!faults.isEmpty() || output == null) {
      throw new IllegalArgumentException(String.join("; ", faults));
    }
    readers = found;
    return output;
  }

  private @Nullable Field given(List<Field> inputs, List<String> faults) {
    String result = JavaSignature.name(signature.result());
    Field type =
        function
            .output(inputs)
            .or(() -> JavaTypes.inferred("value", signature.result()))
            .orElse(null);
    if (type == null) {
      faults.add(
          "its result is %s, which does not say an Arrow type: let output() name one"
              .formatted(result));
      return null;
    }
    writer = ValueWriter.of(signature.result(), type);
    if (writer == null) {
      faults.add(
          "its result is %s, and its output() says %s, which has no place for that"
              .formatted(result, typeOf(type)));
    }
    return type;
  }

  private static String typeOf(Field field) {
    return field.getChildren().isEmpty()
        ? field.getType().toString()
        : field.getType()
            + "<"
            + String.join(", ", field.getChildren().stream().map(ScalarColumnUdf::typeOf).toList())
            + ">";
  }

  @Override
  public void open(UdfContext context) throws Exception {
    function.open(context);
  }

  @Override
  public FieldVector apply(List<FieldVector> inputs, int rows, BufferAllocator allocator)
      throws Exception {
    Rows result = apply(inputs, rows, allocator, Callable::call);
    if (result.thrown == null && result.unfit == null) {
      return result.values;
    }
    result.values.close();
    if (result.thrown instanceof Error error) {
      throw error;
    }
    throw result.thrown instanceof Exception thrown
        ? thrown
        : new IllegalStateException(result.unfit);
  }

  /**
   * Computes rows up to the first that fails.
   *
   * @param call makes each call
   */
  public Rows apply(List<FieldVector> inputs, int rows, BufferAllocator allocator, RowCall call) {
    if (output == null || writer == null) {
      throw new IllegalStateException("output() was not called");
    }
    FieldVector values = output.createVector(allocator);
    int done = 0;
    Throwable thrown = null;
    String unfit = null;
    try {
      values.setInitialCapacity(rows);
      values.allocateNew();
      for (; done < rows; done++) {
        int row = done;
        @Nullable Object[] arguments = new Object[inputs.size()];
        for (int i = 0; i < arguments.length; i++) {
          arguments[i] = readers.get(i).readNullable(inputs.get(i), row);
        }
        writer.writeNullable(values, row, call.call(() -> JavaSignature.call(function, arguments)));
      }
    } catch (ValueWriter.UnfitException e) {
      unfit = "%s where its output() promised %s".formatted(e.getMessage(), typeOf(output));
    } catch (OutOfMemoryError e) {
      values.close();
      throw e;
    } catch (Exception | LinkageError | StackOverflowError | AssertionError e) {
      thrown = e;
    }
    values.setValueCount(done);
    return new Rows(values, thrown, unfit);
  }

  @Override
  public void close() throws Exception {
    function.close();
  }

  @Override
  public String version() {
    return function.version();
  }

  @Override
  public boolean reusable() {
    return function.reusable();
  }
}
