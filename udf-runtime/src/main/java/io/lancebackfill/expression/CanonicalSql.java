package io.lancebackfill.expression;

import io.lancebackfill.expression.ExpressionFault.Code;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.antlr.v4.runtime.CharStreams;
import org.antlr.v4.runtime.Token;
import org.apache.spark.sql.catalyst.parser.SqlBaseLexer;
import org.apache.spark.sql.catalyst.parser.UpperCaseCharStream;
import org.jspecify.annotations.Nullable;

/**
 * One text for all ways to write the same expression: comments and white space gone, keywords in
 * upper case, function names in lower case, columns as the table names them, quotes only where they
 * are needed. It is made of Spark's own tokens, not of an analysed expression, because the SQL that
 * Spark prints for that leaves things out (the schema of from_json, the variables of lambdas, the
 * escape of LIKE).
 */
final class CanonicalSql {
  /** A typed literal of these words is the parser's clock, as in {@code DATE 'today'}. */
  private static final Pattern CLOCK_LITERAL =
      Pattern.compile("\\s*(now|today|tomorrow|yesterday)\\b.*", Pattern.CASE_INSENSITIVE);

  private static final Set<Integer> DATE_TYPES =
      Set.of(
          SqlBaseLexer.DATE,
          SqlBaseLexer.TIMESTAMP,
          SqlBaseLexer.TIMESTAMP_LTZ,
          SqlBaseLexer.TIMESTAMP_NTZ);

  /** Words after which a parenthesis only groups. All other words before one are called. */
  private static final Set<String> OPERATORS =
      Set.of(
          "ALL",
          "AND",
          "ANY",
          "AS",
          "BETWEEN",
          "BY",
          "CASE",
          "DISTINCT",
          "DIV",
          "ELSE",
          "ESCAPE",
          "FROM",
          "ILIKE",
          "IN",
          "INTERVAL",
          "IS",
          "LIKE",
          "NOT",
          "OR",
          "OVER",
          "REGEXP",
          "RLIKE",
          "SOME",
          "THEN",
          "WHEN",
          "WHERE");

  private static final String CLOSING = "),].";
  private static final String OPENING = "([.";

  private final List<? extends Token> tokens;
  private final List<String> columns;
  private final boolean caseSensitive;

  /**
   * Reads a text that parses.
   *
   * @param columns the columns that it reads. Others must not count: a column added later, named as
   *     a word of the text is, would change the canonical text.
   * @param caseSensitive whether columns differ by case
   */
  CanonicalSql(String text, List<String> columns, boolean caseSensitive) {
    this.tokens = tokens(text);
    this.columns = columns;
    this.caseSensitive = caseSensitive;
  }

  String text() {
    StringBuilder sql = new StringBuilder();
    String before = "";
    for (int i = 0; i < tokens.size(); i++) {
      String word = word(i);
      if (!before.isEmpty() && needsSpace(i, before, word)) {
        sql.append(' ');
      }
      sql.append(word);
      before = word;
    }
    return sql.toString();
  }

  /** The first literal whose value is the time at which it was parsed; null if there is none. */
  static @Nullable String clockLiteral(String text) {
    List<? extends Token> tokens = tokens(text);
    for (int i = 0; i + 1 < tokens.size(); i++) {
      String literal = tokens.get(i + 1).getText();
      if (DATE_TYPES.contains(tokens.get(i).getType())
          && isString(literal)
          && CLOCK_LITERAL.matcher(literal.substring(1, literal.length() - 1)).matches()) {
        return tokens.get(i).getText().toUpperCase(Locale.ROOT) + " " + literal;
      }
    }
    return null;
  }

  /**
   * The last word of a text that parses as a named value, unless it is {@code AS name}. Spark takes
   * most words for a name, those that begin what is missing among them.
   */
  static Optional<ExpressionFault> strayWord(String text, Code code, @Nullable String name) {
    List<? extends Token> tokens = tokens(text);
    Token last = tokens.get(tokens.size() - 1);
    boolean as = tokens.size() > 1 && tokens.get(tokens.size() - 2).getType() == SqlBaseLexer.AS;
    String word = last.getText();
    String plain = word.startsWith("`") ? word.substring(1, word.length() - 1) : word;
    if (as && name != null && plain.equalsIgnoreCase(name)) {
      return Optional.empty();
    }
    return Optional.of(
        new ExpressionFault(
            code,
            "'%s' has the word '%s' too many (line %d, position %d): Spark takes it for a name of the value, %s."
                    .formatted(
                        text,
                        word,
                        last.getLine(),
                        last.getCharPositionInLine() + 1,
                        name == null ? "which has none" : "whose name is '" + name + "'")
                + " Take it out, or write what is missing after it."));
  }

  private static boolean isString(String token) {
    return token.length() > 1 && (token.charAt(0) == '\'' || token.charAt(0) == '"');
  }

  private static List<? extends Token> tokens(String text) {
    SqlBaseLexer lexer = new SqlBaseLexer(new UpperCaseCharStream(CharStreams.fromString(text)));
    lexer.removeErrorListeners();
    return lexer.getAllTokens().stream()
        .filter(token -> token.getChannel() == Token.DEFAULT_CHANNEL)
        .toList();
  }

  private boolean needsSpace(int i, String before, String word) {
    if (CLOSING.contains(word) || OPENING.contains(before)) {
      return false;
    }
    if (word.equals("(") || word.equals("[")) {
      return word.equals("(") && !isCallable(tokens.get(i - 1));
    }
    return true;
  }

  /** Whether a parenthesis after this token belongs to a call or to a type. */
  private static boolean isCallable(Token token) {
    String text = token.getText();
    return token.getType() == SqlBaseLexer.BACKQUOTED_IDENTIFIER
        || ((Character.isLetter(text.charAt(0)) || text.charAt(0) == '_')
            && !OPERATORS.contains(text.toUpperCase(Locale.ROOT)));
  }

  private String word(int i) {
    Token token = tokens.get(i);
    String text = token.getText();
    boolean afterDot = i > 0 && tokens.get(i - 1).getType() == SqlBaseLexer.DOT;
    String next = i + 1 < tokens.size() ? tokens.get(i + 1).getText() : "";
    if (isAlias(i)) {
      return token.getType() == SqlBaseLexer.BACKQUOTED_IDENTIFIER
          ? quoteIfNeeded(text.substring(1, text.length() - 1).replace("``", "`"))
          : text;
    }
    switch (token.getType()) {
      case SqlBaseLexer.BACKQUOTED_IDENTIFIER:
        String name = text.substring(1, text.length() - 1).replace("``", "`");
        return quoteIfNeeded(afterDot || next.equals("(") ? name : asColumn(name, name));
      case SqlBaseLexer.IDENTIFIER:
        if (next.equals("(")) {
          return afterDot ? text : text.toLowerCase(Locale.ROOT);
        }
        return afterDot ? text : asColumn(text, text);
      case SqlBaseLexer.EQ:
        return "=";
      case SqlBaseLexer.NEQ, SqlBaseLexer.NEQJ:
        return "!=";
      default:
        return keywordOrSymbol(token, afterDot, next);
    }
  }

  /** Whether a token names a field, as in {@code struct(id AS year)}, and no type of a cast. */
  private boolean isAlias(int i) {
    if (i == 0 || tokens.get(i - 1).getType() != SqlBaseLexer.AS) {
      return false;
    }
    int depth = 0;
    for (int j = i - 1; j > 0; j--) {
      int type = tokens.get(j).getType();
      if (type == SqlBaseLexer.RIGHT_PAREN) {
        depth++;
      } else if (type == SqlBaseLexer.LEFT_PAREN && depth-- == 0) {
        int function = tokens.get(j - 1).getType();
        return function != SqlBaseLexer.CAST && function != SqlBaseLexer.TRY_CAST;
      }
    }
    return true;
  }

  private String keywordOrSymbol(Token token, boolean afterDot, String next) {
    String text = token.getText();
    String upper = text.toUpperCase(Locale.ROOT);
    String kind = SqlBaseLexer.VOCABULARY.getSymbolicName(token.getType());
    if (Character.isDigit(text.charAt(0)) || (kind != null && kind.endsWith("_VALUE"))) {
      return upper;
    }
    boolean keyword = Character.isLetter(text.charAt(0)) && !isString(text.substring(1));
    if (!keyword) {
      return text;
    }
    // A keyword that is not reserved may name a field or a column.
    if (afterDot) {
      return text;
    }
    if (next.equals("(")) {
      return isCallable(token) ? text.toLowerCase(Locale.ROOT) : upper;
    }
    return isString(next) ? upper : asColumn(text, upper);
  }

  private String asColumn(String name, String otherwise) {
    if (caseSensitive || columns.contains(name)) {
      return columns.contains(name) ? name : otherwise;
    }
    return columns.stream().filter(name::equalsIgnoreCase).findFirst().orElse(otherwise);
  }

  private static String quoteIfNeeded(String name) {
    List<? extends Token> tokens = tokens(name);
    boolean plain =
        tokens.size() == 1
            && tokens.get(0).getType() == SqlBaseLexer.IDENTIFIER
            && tokens.get(0).getText().equals(name);
    return plain ? name : "`" + name.replace("`", "``") + "`";
  }
}
