package io.lancebackfill.cluster.fields;

import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Reads a definition's text, JSON if it begins with a brace, else YAML. Of a text that cannot be
 * read only the place is told: a piece of it might hold a secret.
 */
public final class SpecText {
  private static final ObjectMapper JSON =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .build();

  private SpecText() {}

  /** The definition as a tree; empty if the text cannot be read, which goes to {@code problems}. */
  public static Optional<JsonNode> read(String text, Consumer<SpecProblem> problems) {
    return text.stripLeading().startsWith("{") ? json(text, problems) : yaml(text, problems);
  }

  private static Optional<JsonNode> json(String text, Consumer<SpecProblem> problems) {
    try {
      return Optional.of(JSON.readTree(text));
    } catch (JsonProcessingException e) {
      boolean duplicate = String.valueOf(e.getOriginalMessage()).startsWith("Duplicate field");
      JsonLocation location = e.getLocation();
      problems.accept(
          new SpecProblem(
              location == null
                  ? "definition"
                  : "line " + location.getLineNr() + ", column " + location.getColumnNr(),
              duplicate ? "the field before it is there twice" : "it is not JSON from here on",
              duplicate ? "keep one" : "mend the JSON, or write YAML without an outer brace"));
      return Optional.empty();
    }
  }

  /** YAML's classes are named in a class of their own, which a Spark without them never loads. */
  private static Optional<JsonNode> yaml(String text, Consumer<SpecProblem> problems) {
    try {
      return YamlText.read(text, problems).map(JSON::valueToTree);
    } catch (NoClassDefFoundError e) {
      problems.accept(
          new SpecProblem(
              "definition", "this Spark has no library for YAML", "write the definition as JSON"));
      return Optional.empty();
    }
  }
}
