package io.lancebackfill;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A generated part of the README. {@code -Dreadme.write=true} writes it anew. */
public final class ReadmeSection {
  private static final Path README = Path.of("..", "README.md").toAbsolutePath().normalize();

  private ReadmeSection() {}

  /** Fails unless the README says this between the marks of the section. */
  public static void require(String name, String expected) throws IOException {
    String readme = Files.readString(README);
    int from = readme.indexOf('\n', readme.indexOf("<!-- " + name + ":")) + 1;
    int to = readme.indexOf("<!-- /" + name + " -->");
    if (Boolean.getBoolean("readme.write")) {
      Files.writeString(
          README, readme.substring(0, from) + expected.strip() + "\n" + readme.substring(to));
      return;
    }
    assertThat(readme.substring(from, to).strip()).isEqualTo(expected.strip());
  }
}
