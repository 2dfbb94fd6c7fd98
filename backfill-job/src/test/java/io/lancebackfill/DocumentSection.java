package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A generated part of a document. {@code -Dreadme.write=true} writes it anew. */
public final class DocumentSection {
  private DocumentSection() {}

  /** Text of a document. */
  public static String text(String document) throws IOException {
    return Files.readString(path(document));
  }

  private static Path path(String document) {
    return Path.of("..", document).toAbsolutePath().normalize();
  }

  /**
   * Fails unless the document says this between the marks of the section.
   *
   * @param document its path in the repository
   */
  public static void require(String document, String name, String expected) throws IOException {
    String found = text(document);
    int from = found.indexOf('\n', found.indexOf("<!-- " + name + ":")) + 1;
    int to = found.indexOf("<!-- /" + name + " -->");
    if (Boolean.getBoolean("readme.write")) {
      Files.writeString(
          path(document), found.substring(0, from) + expected.strip() + "\n" + found.substring(to));
      return;
    }
    assertThat(found.substring(from, to).strip()).isEqualTo(expected.strip());
  }
}
