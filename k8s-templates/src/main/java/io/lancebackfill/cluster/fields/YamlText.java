package io.lancebackfill.cluster.fields;

import java.io.StringReader;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import org.yaml.snakeyaml.error.Mark;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.events.AliasEvent;
import org.yaml.snakeyaml.events.Event;

/** A text of plain YAML as maps, lists and scalars. */
final class YamlText {
  private YamlText() {}

  static Optional<Object> read(String text, Consumer<SpecProblem> problems) {
    LoaderOptions options = new LoaderOptions();
    options.setAllowDuplicateKeys(false);
    try {
      for (Event event : new Yaml(options).parse(new StringReader(text))) {
        if (event instanceof AliasEvent) {
          problems.accept(
              new SpecProblem(
                  place(event.getStartMark()),
                  "aliases are not read",
                  "write the fields again instead of '*name'"));
          return Optional.empty();
        }
      }
      return Optional.ofNullable(new Yaml(new SafeConstructor(options)).load(text));
    } catch (MarkedYAMLException e) {
      boolean duplicate = String.valueOf(e.getProblem()).startsWith("found duplicate key");
      problems.accept(
          new SpecProblem(
              place(e.getProblemMark()),
              duplicate ? "the field is there twice" : "it is not YAML from here on",
              duplicate ? "keep one" : "mend the indentation and the quotes"));
    } catch (YAMLException e) {
      problems.accept(
          new SpecProblem(
              "definition", "it is not YAML", "write one document of plain YAML, or JSON"));
    }
    return Optional.empty();
  }

  private static String place(@Nullable Mark mark) {
    return mark == null
        ? "definition"
        : "line " + (mark.getLine() + 1) + ", column " + (mark.getColumn() + 1);
  }
}
