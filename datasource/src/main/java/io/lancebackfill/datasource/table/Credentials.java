package io.lancebackfill.datasource.table;

import java.io.IOException;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Takes credentials out of what people see: addresses, and texts that quote them. */
public final class Credentials {
  private static final Pattern URI =
      Pattern.compile("[A-Za-z][A-Za-z0-9+.-]+://.*", Pattern.DOTALL);

  /**
   * What stands before the host. A container, as in {@code abfss://container@account}, is none, but
   * a name and a password are.
   */
  private static final Pattern USER =
      Pattern.compile("(?<!\\b(?:abfss?|wasbs?):)//[^/@\\s?#]*@|//[^/@\\s?#:]*:[^/@\\s?#]*@");

  /** What follows the path, up to the state's folder that was put behind it. */
  private static final Pattern QUERY =
      Pattern.compile("[?#].*?(?=/" + DatasetRef.STATE_FOLDER + "(?:/|$)|$)", Pattern.DOTALL);

  private static final Pattern SECRET_PARAMETER =
      Pattern.compile(
          "([?&][^=&\\s]*(?:sig|signature|token|secret|password|credential|key)[^=&\\s]*=)[^&\\s\"')]+",
          Pattern.CASE_INSENSITIVE);

  private static final Pattern SECRET_OPTION =
      Pattern.compile(
          "secret|token|password|credential|sas|access_key|account_key", Pattern.CASE_INSENSITIVE);

  private static final String REDACTED = "(redacted)";
  private static final int SHORTEST_SECRET = 4;

  private Credentials() {}

  /** An address without user, password and query; a path stays as it is. */
  public static String without(String uri) {
    if (!URI.matcher(uri).matches()) {
      return uri;
    }
    return QUERY.matcher(USER.matcher(uri).replaceAll("//")).replaceAll("");
  }

  /** A text in which addresses may stand, without what gives access to them. */
  public static String withoutAny(String text) {
    return SECRET_PARAMETER
        .matcher(USER.matcher(text).replaceAll("//"))
        .replaceAll("$1" + Matcher.quoteReplacement(REDACTED));
  }

  /** A text of Lance's about a dataset, without what gives access to it. */
  static String without(DatasetRef ref, String text) {
    String clean = text.replace(ref.uri(), ref.display());
    for (Map.Entry<String, String> option : ref.storageOptions().entrySet()) {
      if (option.getValue().length() >= SHORTEST_SECRET
          && SECRET_OPTION.matcher(option.getKey()).find()) {
        clean = clean.replace(option.getValue(), REDACTED);
      }
    }
    return withoutAny(clean);
  }

  /** The error itself, or one like it if a message in it holds credentials. */
  static Throwable without(DatasetRef ref, Throwable error) {
    boolean clean = true;
    for (Throwable t = error; t != null; t = t.getCause()) {
      String message = t.getMessage();
      clean &= message == null || without(ref, message).equals(message);
    }
    if (clean) {
      return error;
    }
    IOException like = new IOException(without(ref, error.toString()));
    like.setStackTrace(error.getStackTrace());
    if (error.getCause() != null) {
      like.initCause(without(ref, error.getCause()));
    }
    return like;
  }
}
