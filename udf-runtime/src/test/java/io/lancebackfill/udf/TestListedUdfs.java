package io.lancebackfill.udf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Functions that jars list by name. */
class TestListedUdfs {
  @TempDir private Path folder;

  public static final class Length implements ScalarUdf1<String, Integer> {
    @Override
    public Integer call(String text) {
      return text.length();
    }
  }

  public static final class Other implements ScalarUdf1<String, Integer> {
    @Override
    public String name() {
      return "other_one";
    }

    @Override
    public Integer call(String text) {
      return 0;
    }
  }

  public static final class Twin implements ScalarUdf1<String, Integer> {
    @Override
    public String name() {
      return "OTHER_ONE";
    }

    @Override
    public Integer call(String text) {
      return 1;
    }
  }

  private URLClassLoader listing(String... classes) throws IOException {
    Path file = folder.resolve("META-INF/services/io.lancebackfill.udf.Udf");
    Files.createDirectories(file.getParent());
    Files.writeString(file, String.join("\n", classes));
    return new URLClassLoader(new URL[] {folder.toUri().toURL()}, getClass().getClassLoader());
  }

  @Test
  void aFunctionIsFoundByItsName() throws IOException {
    try (URLClassLoader jars = listing(Length.class.getName(), Other.class.getName())) {
      assertThat(ListedUdfs.className("length", jars)).isEqualTo(Length.class.getName());
      assertThat(ListedUdfs.className("Other_One", jars)).isEqualTo(Other.class.getName());
    }
  }

  @Test
  void whatIsNotOneIsToldWithAllThatAreListed() throws IOException {
    try (URLClassLoader jars =
        listing(
            "no.such.Class",
            Length.class.getName(),
            Other.class.getName(),
            Twin.class.getName(),
            TestListedUdfs.class.getName())) {
      assertThatThrownBy(() -> ListedUdfs.className("width", jars))
          .isInstanceOf(InvalidFunctionException.class)
          .hasMessageStartingWith("No function 'width' is listed in META-INF/services/")
          .hasMessageContaining("Length (" + Length.class.getName() + ")")
          .hasMessageContaining("other_one (" + Other.class.getName() + ")")
          .hasMessageContaining("Not loaded: ")
          .hasMessageContaining("no.such.Class not found")
          .hasMessageContaining("TestListedUdfs not a subtype");
      assertThatThrownBy(() -> ListedUdfs.className("other_one", jars))
          .hasMessageStartingWith("More than one function 'other_one' is listed")
          .hasMessageContaining("OTHER_ONE (" + Twin.class.getName() + ")");
      assertThat(ListedUdfs.className("length", jars)).isEqualTo(Length.class.getName());
    }
    try (URLClassLoader jars = listing()) {
      assertThatThrownBy(() -> ListedUdfs.className("length", jars))
          .hasMessageContaining("Listed there: LetterFrequencies (io.lancebackfill.udf.example.");
    }
  }
}
