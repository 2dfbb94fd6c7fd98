package io.lancebackfill.cluster.fields;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.apache.commons.text.similarity.LevenshteinDistance;

/**
 * The fields of one object of a definition. What is wrong goes to the list that all objects of the
 * definition share, so that a reader goes on to the end and reports everything. A field that is
 * null counts as absent.
 */
public final class SpecFields {
  private final JsonNode node;
  private final String path;
  private final List<SpecProblem> problems;
  private final Set<String> known = new LinkedHashSet<>();

  private SpecFields(JsonNode node, String path, List<SpecProblem> problems) {
    this.node = node;
    this.path = path;
    this.problems = problems;
  }

  /** The fields of a whole definition. */
  public static SpecFields of(JsonNode node, List<SpecProblem> problems) {
    return of(node, "", problems);
  }

  private static SpecFields of(JsonNode node, String path, List<SpecProblem> problems) {
    if (!node.isObject()) {
      problems.add(
          new SpecProblem(
              path.isEmpty() ? "definition" : path,
              "it is " + kind(node) + ", not an object",
              "write its fields by name"));
      return new SpecFields(JsonNodeFactory.instance.objectNode(), path, problems);
    }
    return new SpecFields(node, path, problems);
  }

  /** Where a field of this object stands in the definition. */
  public String path(String field) {
    return path.isEmpty() ? field : path + "." + field;
  }

  public void fault(String field, String problem, String remedy) {
    problems.add(new SpecProblem(path(field), problem, remedy));
  }

  /** Whether the field is there, well-typed or not. */
  public boolean has(String field) {
    return value(field).isPresent();
  }

  private Optional<JsonNode> value(String field) {
    known.add(field);
    return Optional.ofNullable(node.get(field)).filter(value -> !value.isNull());
  }

  /** A text that is not blank. */
  public Optional<String> text(String field) {
    Optional<JsonNode> value = value(field);
    if (value.isPresent() && (!value.get().isTextual() || value.get().asText().isBlank())) {
      illTyped(field, value.get(), "a text", "put it in quotes");
      return Optional.empty();
    }
    return value.map(JsonNode::asText);
  }

  public Optional<String> text(String field, Syntax syntax) {
    Optional<String> text = text(field);
    text.ifPresent(t -> check(path(field), t, syntax));
    return text;
  }

  /** A text that must be there; where it is not, that is a fault and the result is a stand-in. */
  public String required(String field, Syntax syntax) {
    if (!has(field)) {
      fault(field, "it is missing", "give " + syntax.kind() + ": " + syntax.rule());
    }
    return text(field, syntax).orElse("?");
  }

  public Optional<Boolean> flag(String field) {
    Optional<JsonNode> value = value(field);
    if (value.isPresent() && !value.get().isBoolean()) {
      illTyped(field, value.get(), "true or false", "write it without quotes");
      return Optional.empty();
    }
    return value.map(JsonNode::asBoolean);
  }

  /** A whole number; {@code why} says what to do where it is out of bounds or a fraction. */
  public Optional<Integer> whole(String field, int least, int most, String why) {
    Optional<JsonNode> value = value(field);
    if (value.isEmpty()) {
      return Optional.empty();
    }
    if (!value.get().isNumber()) {
      illTyped(field, value.get(), "a number", "write it without quotes");
      return Optional.empty();
    }
    BigDecimal number = value.get().decimalValue();
    if (number.stripTrailingZeros().scale() > 0
        || number.compareTo(BigDecimal.valueOf(least)) < 0
        || number.compareTo(BigDecimal.valueOf(most)) > 0) {
      fault(
          field,
          number.toPlainString() + " is not a whole number from " + least + " to " + most,
          why);
      return Optional.empty();
    }
    return Optional.of(number.intValueExact());
  }

  /** A quantity above zero, as it was written. */
  public Optional<String> quantity(String field, String example) {
    Optional<JsonNode> value = value(field);
    if (value.isPresent() && !value.get().isTextual()) {
      illTyped(field, value.get(), "a quantity", "write it as \"" + example + "\"");
      return Optional.empty();
    }
    Optional<String> text = value.map(JsonNode::asText);
    return text.filter(t -> positive(path(field), t, example));
  }

  /** Whole MiB of a quantity of bytes. */
  public Optional<Long> mebibytes(String field, String example) {
    return quantity(field, example).flatMap(Quantities::amount).map(Quantities::mebibytes);
  }

  private boolean positive(String at, String text, String example) {
    Optional<BigDecimal> amount = Quantities.amount(text);
    if (amount.isPresent() && amount.get().signum() > 0) {
      return true;
    }
    problems.add(
        new SpecProblem(
            at,
            "'" + text + "' is not a Kubernetes quantity above 0",
            "write it as \"" + example + "\"; Spark's 8g is 8Gi here"));
    return false;
  }

  /** Texts by name, sorted; a value that is no text is a fault which does not show the value. */
  public Map<String, String> texts(String field, Syntax names) {
    Map<String, String> texts = new TreeMap<>();
    for (Map.Entry<String, JsonNode> entry : entries(field, names)) {
      if (entry.getValue().isTextual()) {
        texts.put(entry.getKey(), entry.getValue().asText());
      } else {
        problems.add(
            new SpecProblem(
                path(field) + "." + entry.getKey(),
                "its value is " + kind(entry.getValue()) + ", not a text",
                "put it in quotes"));
      }
    }
    return texts;
  }

  /** Labels by key, sorted. */
  public Map<String, String> labels(String field) {
    Map<String, String> labels = texts(field, Syntax.LABEL_KEY);
    labels.forEach((key, value) -> check(path(field) + "." + key, value, Syntax.LABEL_VALUE));
    return labels;
  }

  /** Quantities by name of resource, sorted. */
  public Map<String, String> quantities(String field) {
    Map<String, String> quantities = texts(field, Syntax.LABEL_KEY);
    quantities.forEach((name, value) -> positive(path(field) + "." + name, value, "1"));
    return quantities;
  }

  /** Objects by name, sorted. */
  public Map<String, SpecFields> objects(String field, Syntax names) {
    Map<String, SpecFields> objects = new TreeMap<>();
    for (Map.Entry<String, JsonNode> entry : entries(field, names)) {
      objects.put(
          entry.getKey(), of(entry.getValue(), path(field) + "." + entry.getKey(), problems));
    }
    return objects;
  }

  private List<Map.Entry<String, JsonNode>> entries(String field, Syntax names) {
    Optional<JsonNode> value = value(field);
    if (value.isEmpty()) {
      return List.of();
    }
    if (!value.get().isObject()) {
      illTyped(field, value.get(), "an object", "write its entries by name");
      return List.of();
    }
    List<Map.Entry<String, JsonNode>> entries = new ArrayList<>();
    value
        .get()
        .fields()
        .forEachRemaining(
            entry -> {
              check(path(field) + "." + entry.getKey(), entry.getKey(), names);
              entries.add(entry);
            });
    return entries;
  }

  /** The objects of a list, empty if it is absent. */
  public List<SpecFields> list(String field) {
    Optional<JsonNode> value = value(field);
    if (value.isEmpty()) {
      return List.of();
    }
    if (!value.get().isArray()) {
      illTyped(field, value.get(), "a list", "begin each entry with '-', or put it in [ ]");
      return List.of();
    }
    List<SpecFields> list = new ArrayList<>();
    for (int i = 0; i < value.get().size(); i++) {
      list.add(of(value.get().get(i), path(field) + "[" + i + "]", problems));
    }
    return list;
  }

  /** The fields of an object within this one; none if it is absent. */
  public SpecFields object(String field) {
    return of(value(field).orElse(JsonNodeFactory.instance.objectNode()), path(field), problems);
  }

  /** Every field that nobody asked for is a fault. */
  public void end() {
    node.fieldNames()
        .forEachRemaining(
            name -> {
              if (!known.contains(name)) {
                fault(name, "there is no such field", nearest(name));
              }
            });
  }

  private String nearest(String name) {
    String best = "";
    int distance = Integer.MAX_VALUE;
    for (String candidate : known) {
      int d = LevenshteinDistance.getDefaultInstance().apply(plain(candidate), plain(name));
      if (d < distance) {
        distance = d;
        best = candidate;
      }
    }
    return distance <= 2 ? "write " + best : "known are " + String.join(", ", known);
  }

  private static String plain(String name) {
    return name.replace("_", "").toLowerCase(Locale.ROOT);
  }

  private void check(String at, String text, Syntax syntax) {
    if (!syntax.accepts(text)) {
      problems.add(
          new SpecProblem(at, "'" + text + "' is not " + syntax.kind(), "use " + syntax.rule()));
    }
  }

  private void illTyped(String field, JsonNode value, String wanted, String remedy) {
    fault(field, "it is " + kind(value) + ", not " + wanted, remedy);
  }

  private static String kind(JsonNode value) {
    return switch (value.getNodeType()) {
      case STRING -> value.asText().isBlank() ? "a blank text" : "a text";
      case NUMBER -> "a number";
      case BOOLEAN -> "true or false";
      case ARRAY -> "a list";
      case OBJECT -> "an object";
      case NULL -> "null";
      default -> "something else";
    };
  }
}
