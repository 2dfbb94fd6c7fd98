package io.lancebackfill.exec;

import static org.assertj.core.api.Assertions.assertThat;

import io.lancebackfill.udf.ColumnUdf;
import io.lancebackfill.udf.UdfContext;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Functions that outlive the task that opened them. */
class TestKeptUdfs {
  private static final Field INT = Field.nullable("x", new ArrowType.Int(32, true));

  private final BufferAllocator allocator = new RootAllocator();

  @BeforeEach
  void forgetOthers() {
    KeptUdfs.closeAll();
    Kept.EVENTS.clear();
  }

  @AfterEach
  void closeAllocator() {
    KeptUdfs.closeAll();
    allocator.close();
  }

  public static final class Kept implements ColumnUdf {
    static final List<String> EVENTS = new ArrayList<>();

    private final boolean reusable;

    Kept(boolean reusable) {
      this.reusable = reusable;
    }

    @Override
    public Field output(List<Field> inputs) {
      if (inputs.isEmpty()) {
        throw new IllegalArgumentException("takes a column");
      }
      return inputs.get(0);
    }

    @Override
    public void open(UdfContext context) {
      EVENTS.add("open " + context.attempt());
    }

    @Override
    public FieldVector apply(List<FieldVector> inputs, int rows, BufferAllocator from) {
      return inputs.get(0);
    }

    @Override
    public void close() {
      EVENTS.add("close");
    }

    @Override
    public boolean reusable() {
      return reusable;
    }
  }

  private BatchUdfExecutor open(boolean reusable, long attempt, String option, String... gpus) {
    return BatchUdfExecutor.open(
        "f",
        new Kept(reusable),
        List.of(INT),
        new UdfContext(0, attempt, Map.of("option", option), List.of(gpus)),
        AdaptiveBatchSize.fixed(1),
        ErrorPolicy.FAIL,
        allocator);
  }

  @Test
  void oneTaskAtATimeHasIt() {
    BatchUdfExecutor first = open(true, 1, "a");
    BatchUdfExecutor second = open(true, 2, "a");
    first.close();
    first.close();
    BatchUdfExecutor third = open(true, 3, "a");
    BatchUdfExecutor fourth = open(true, 4, "a");
    assertThat(Kept.EVENTS).containsExactly("open 1", "open 2", "open 4");
    second.close();
    third.close();
    KeptUdfs.closeAll();
    assertThat(Kept.EVENTS).containsExactly("open 1", "open 2", "open 4", "close", "close");
    fourth.close();
    assertThat(Kept.EVENTS).hasSize(5);
    KeptUdfs.closeAll();
    assertThat(Kept.EVENTS).hasSize(6).endsWith("close");
  }

  @Test
  void otherOptionsAndOtherGpusHaveTheirOwn() {
    open(true, 1, "a").close();
    open(true, 2, "b").close();
    open(true, 3, "a", "0").close();
    open(true, 4, "a", "1").close();
    open(true, 5, "a", "0").close();
    assertThat(Kept.EVENTS).containsExactly("open 1", "open 2", "open 3", "open 4");
  }

  @Test
  void othersAreClosedWithTheirTask() {
    open(false, 1, "a").close();
    open(false, 2, "a").close();
    assertThat(Kept.EVENTS).containsExactly("open 1", "close", "open 2", "close");
  }
}
