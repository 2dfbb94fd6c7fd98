package io.lancebackfill.sql;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lancebackfill.error.BackfillException;
import java.io.File;
import java.io.IOException;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.StringTokenizer;
import org.junit.jupiter.api.Test;

class TestRequiredJars {
  private static URLClassLoader withoutJar(String name) throws MalformedURLException {
    List<URL> urls = new ArrayList<>();
    StringTokenizer entries =
        new StringTokenizer(System.getProperty("java.class.path"), File.pathSeparator);
    while (entries.hasMoreTokens()) {
      Path path = Path.of(entries.nextToken());
      if (!String.valueOf(path.getFileName()).matches(name + "-[0-9.]+\\.jar")) {
        urls.add(path.toUri().toURL());
      }
    }
    return new URLClassLoader(urls.toArray(URL[]::new), ClassLoader.getPlatformClassLoader());
  }

  @Test
  void areNamedIfTheyAreMissing() throws IOException {
    for (Map.Entry<String, String> jar : RequiredJars.CLASSES.entrySet()) {
      try (URLClassLoader loader = withoutJar(jar.getKey())) {
        assertThatThrownBy(() -> RequiredJars.check(loader))
            .isInstanceOf(BackfillException.class)
            .hasMessageStartingWith(
                "[MISSING_JARS] The class path lacks %s (%s). "
                    .formatted(jar.getKey(), jar.getValue()))
            .hasMessageContaining("dist/*.jar");
      }
    }
    try (URLClassLoader none = new URLClassLoader(new URL[0], null)) {
      assertThatThrownBy(() -> RequiredJars.check(none))
          .isInstanceOf(BackfillException.class)
          .satisfies(e -> assertThat(e.getMessage()).contains(RequiredJars.CLASSES.keySet()));
    }
  }

  @Test
  void areThere() {
    assertThatCode(() -> RequiredJars.check(TestRequiredJars.class.getClassLoader()))
        .doesNotThrowAnyException();
  }
}
