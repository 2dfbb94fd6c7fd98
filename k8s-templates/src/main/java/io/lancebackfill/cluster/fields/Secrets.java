package io.lancebackfill.cluster.fields;

import java.util.Locale;
import java.util.regex.Pattern;

/** Tells a literal that should be a reference to a secret by its name or by its looks. */
public final class Secrets {
  /** Whole words: TOKENIZERS_PARALLELISM and MAX_TOKENS are none. */
  private static final Pattern NAME =
      Pattern.compile(
          "(.*_)?(PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|CREDENTIALS?|APIKEY"
              + "|(API|ACCESS|SECRET|PRIVATE|ACCOUNT|ENCRYPTION|SIGNING)_?KEY)(_.*)?");

  /** Names that say where a secret lies, or which one it is. */
  private static final Pattern PLACE =
      Pattern.compile(".*_(FILE|PATH|DIR|URI|URL|ID|NAME|PROVIDER|TTL|EXPIRATION|TYPE)");

  private static final Pattern VALUE =
      Pattern.compile(
          "(AKIA|ASIA)[A-Z0-9]{16}|(hf|ghp|gho|glpat|xoxb|npm)[_-][A-Za-z0-9_-]{16,}|sk-[\\w-]{16,}"
              + "|eyJ[\\w-]+\\.eyJ[\\w.-]+|(?s).*-----BEGIN [A-Z ]*PRIVATE KEY-----.*"
              + "|[a-z][a-z0-9+.-]*://[^/\\s:@]*:[^/\\s@]+@.*");

  private static final Pattern PATH = Pattern.compile("/[\\w./-]*");

  private Secrets() {}

  /** Whether a variable of this name and value gives a secret away. */
  public static boolean givenAway(String name, String value) {
    String upper = name.toUpperCase(Locale.ROOT).replace('-', '_').replace('.', '_');
    boolean named = NAME.matcher(upper).matches() && !PLACE.matcher(upper).matches();
    // As GOOGLE_APPLICATION_CREDENTIALS; a key may begin with a slash as well.
    boolean path = upper.endsWith("CREDENTIALS") && PATH.matcher(value).matches();
    return (named && !value.isEmpty() && !path) || VALUE.matcher(value).matches();
  }
}
