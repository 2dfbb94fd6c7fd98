package io.lancebackfill.sql;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import org.antlr.v4.runtime.CharStreams;
import org.antlr.v4.runtime.Token;
import org.apache.spark.sql.catalyst.parser.SqlBaseLexer;
import org.apache.spark.sql.catalyst.parser.UpperCaseCharStream;
import org.jspecify.annotations.Nullable;

/**
 * The outline of {@code [EXPLAIN [mode]] CALL a.b.c ...}, found with Spark's own lexer, so that
 * comments, quotes and strings are what they are to Spark.
 *
 * @param explainMode as Spark names it; null for a CALL that is not explained
 * @param nameParts the parts of the procedure's name, unquoted
 * @param expression the text after CALL, without closing semicolons, behind as many blanks and line
 *     breaks as stood before it, so that positions in errors are those of the statement
 */
record CallStatement(@Nullable String explainMode, List<String> nameParts, String expression) {
  private static final Set<String> EXPLAIN_MODES =
      Set.of("extended", "codegen", "cost", "formatted");

  /** Empty if the text is not a CALL with a name. */
  static Optional<CallStatement> scan(String sql) {
    SqlBaseLexer lexer = new SqlBaseLexer(new UpperCaseCharStream(CharStreams.fromString(sql)));
    lexer.removeErrorListeners();
    Token token = next(lexer);
    String explainMode = null;
    if (is(sql, token, "explain")) {
      explainMode = "simple";
      token = next(lexer);
      String word = text(sql, token).toLowerCase(Locale.ROOT);
      if (EXPLAIN_MODES.contains(word)) {
        explainMode = word;
        token = next(lexer);
      }
    }
    if (!is(sql, token, "call")) {
      return Optional.empty();
    }
    token = next(lexer);
    int start = from(sql, token);
    List<String> nameParts = new ArrayList<>();
    int end = start;
    boolean nameOpen = true;
    boolean partExpected = true;
    while (token.getType() != Token.EOF) {
      if (nameOpen) {
        if (partExpected && isNamePart(sql, token)) {
          nameParts.add(unquoted(text(sql, token)));
          partExpected = false;
        } else if (!partExpected && text(sql, token).equals(".")) {
          partExpected = true;
        } else {
          nameOpen = false;
        }
      }
      if (token.getType() != SqlBaseLexer.SEMICOLON) {
        end = to(sql, token);
      }
      token = next(lexer);
    }
    if (nameParts.isEmpty()) {
      return Optional.empty();
    }
    String blank = sql.substring(0, start).replaceAll("[^\\r\\n]", " ");
    return Optional.of(
        new CallStatement(explainMode, List.copyOf(nameParts), blank + sql.substring(start, end)));
  }

  private static Token next(SqlBaseLexer lexer) {
    Token token = lexer.nextToken();
    while (token.getChannel() != Token.DEFAULT_CHANNEL) {
      token = lexer.nextToken();
    }
    return token;
  }

  private static boolean is(String sql, Token token, String word) {
    return text(sql, token).equalsIgnoreCase(word);
  }

  private static boolean isNamePart(String sql, Token token) {
    String text = text(sql, token);
    return text.startsWith("`")
        || (!text.isEmpty()
            && text.chars().allMatch(c -> c == '_' || Character.isLetterOrDigit(c)));
  }

  private static String unquoted(String part) {
    return part.length() > 1 && part.startsWith("`")
        ? part.substring(1, part.length() - 1).replace("``", "`")
        : part;
  }

  private static String text(String sql, Token token) {
    return token.getType() == Token.EOF ? "" : sql.substring(from(sql, token), to(sql, token));
  }

  // The lexer counts code points, a String its halves.
  private static int from(String sql, Token token) {
    return token.getType() == Token.EOF
        ? sql.length()
        : sql.offsetByCodePoints(0, token.getStartIndex());
  }

  private static int to(String sql, Token token) {
    return sql.offsetByCodePoints(0, token.getStopIndex() + 1);
  }
}
