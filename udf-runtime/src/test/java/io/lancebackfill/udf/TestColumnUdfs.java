package io.lancebackfill.udf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.types.pojo.Field;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TestColumnUdfs {

  @Test
  void loadsAPublicClassByName() {
    ColumnUdf first = ColumnUdfs.load(Good.class.getName());
    ColumnUdf second = ColumnUdfs.load(Good.class.getName(), getClass().getClassLoader());

    assertThat(first).isInstanceOf(Good.class).isNotSameAs(second);
    assertThat(first.version()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          no.such.Function | was not found                                 | ADD JAR
          java.lang.String | does not implement                            | public constructor
          $Hidden          | is static                                     | public class
          $Abstract        | is public abstract static                     | not abstract
          $Inner           | has no public constructor                     | must be static
          $WithArgument    | has no public constructor                     | without arguments
          $Failing         | failed: java.lang.IllegalStateException: no model | open(UdfContext)
          $BadStatic       | cannot be loaded                              | jars that it needs
          """)
  void refusesWhatCannotBeAFunction(String name, String problem, String remedy) {
    String className = name.startsWith("$") ? getClass().getName() + name : name;

    assertThatThrownBy(() -> ColumnUdfs.load(className))
        .isInstanceOf(InvalidFunctionException.class)
        .hasMessageContaining(className)
        .hasMessageContaining(problem)
        .hasMessageContaining(remedy);
  }

  @Test
  void runsNoCodeOfAClassThatIsNoFunction() {
    assertThatThrownBy(() -> ColumnUdfs.load(getClass().getName() + "$Trap"))
        .isInstanceOf(InvalidFunctionException.class)
        .hasMessageContaining("does not implement");

    assertThat(System.getProperty(Trap.class.getName())).isNull();
  }

  public static class Trap {
    static {
      System.setProperty(Trap.class.getName(), "sprung");
    }
  }

  abstract static class Base implements ColumnUdf {
    @Override
    public Field output(List<Field> inputs) {
      return inputs.get(0);
    }

    @Override
    public FieldVector apply(List<FieldVector> inputs, int rows, BufferAllocator allocator) {
      return inputs.get(0);
    }
  }

  public static class Good extends Base {}

  static class Hidden extends Base {}

  public abstract static class Abstract extends Base {}

  @SuppressWarnings("ClassCanBeStatic") // What a careless author writes.
  public class Inner extends Base {}

  public static class WithArgument extends Base {
    public WithArgument(int unused) {
      assertThat(unused).isZero();
    }
  }

  public static class Failing extends Base {
    public Failing() {
      throw new IllegalStateException("no model");
    }
  }

  public static class BadStatic extends Base {
    static final int VALUE = Integer.parseInt("not a number");
  }
}
