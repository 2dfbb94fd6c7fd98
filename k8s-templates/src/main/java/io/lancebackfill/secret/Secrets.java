package io.lancebackfill.secret;

import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;

/** Knows secrets by the names that people give them, and by a few forms that nothing else has. */
public final class Secrets {
  private static final Pattern NOT_WORD = Pattern.compile("[^a-z0-9]+");
  private static final Set<String> WORDS =
      Set.of(
          "secret",
          "secrets",
          "token",
          "password",
          "passwd",
          "passphrase",
          "pwd",
          "credential",
          "credentials",
          "apikey",
          "auth");
  private static final List<String> INSIDE =
      List.of("secret", "password", "passwd", "apikey", "accesskey", "privatekey", "authtoken");
  private static final Set<String> KEYS =
      Set.of(
          "api",
          "access",
          "private",
          "secret",
          "account",
          "auth",
          "encryption",
          "signing",
          "master");

  /** What is said about a secret, and is none: {@code TOKEN_FILE}, {@code MAX_TOKEN_LENGTH}. */
  private static final Set<String> ABOUT =
      Set.of(
          "file",
          "path",
          "dir",
          "length",
          "limit",
          "count",
          "size",
          "name",
          "ttl",
          "seconds",
          "ms",
          "enabled",
          "type",
          "provider",
          "url",
          "uri",
          "host",
          "port");

  /** They hold a path. */
  private static final Set<String> NONE =
      Set.of("google_application_credentials", "pwd", "oldpwd", "ssh_auth_sock");

  /** Whole words: TOKENIZERS_PARALLELISM and MAX_TOKENS are none. */
  private static final Pattern VARIABLE =
      Pattern.compile(
          "(.*_)?(PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|CREDENTIALS?|APIKEY"
              + "|(API|ACCESS|SECRET|PRIVATE|ACCOUNT|ENCRYPTION|SIGNING)_?KEY)(_.*)?");

  /** Names that say where a secret lies, or which one it is. */
  private static final Pattern PLACE =
      Pattern.compile(".*_(FILE|PATH|DIR|URI|URL|ID|NAME|PROVIDER|TTL|EXPIRATION|TYPE)");

  /** Of AWS, Hugging Face, GitHub, GitLab, Slack, npm, OpenAI; and JSON web tokens. */
  private static final Pattern TOKEN =
      Pattern.compile(
          "(AKIA|ASIA)[A-Z0-9]{16}|(hf|ghp|gho|glpat|xoxb|npm)[_-][A-Za-z0-9_-]{16,}|sk-[\\w-]{16,}"
              + "|eyJ[\\w-]+\\.eyJ[\\w.-]+");

  private static final Pattern PATH = Pattern.compile("/[\\w./-]*");

  private static final Pattern USER_INFO =
      Pattern.compile("([A-Za-z][A-Za-z0-9+.-]*://)[^/@\\s]+@");
  private static final Pattern PASSWORD =
      Pattern.compile("[A-Za-z][A-Za-z0-9+.-]*://[^/@\\s:]*:[^/@\\s]+@");
  private static final Pattern PRIVATE_KEY = Pattern.compile("-----BEGIN [A-Z ]*PRIVATE KEY-----");

  private Secrets() {}

  /** Whether a variable of this name is meant to hold a secret. */
  public static boolean names(String variable) {
    String lower = variable.toLowerCase(Locale.ROOT);
    if (NONE.contains(lower)) {
      return false;
    }
    List<String> words = NOT_WORD.splitAsStream(lower).filter(word -> !word.isEmpty()).toList();
    if (words.isEmpty() || ABOUT.contains(words.get(words.size() - 1))) {
      return false;
    }
    for (int at = 0; at < words.size(); at++) {
      String word = words.get(at);
      if (WORDS.contains(word)
          || INSIDE.stream().anyMatch(word::contains)
          || (word.equals("key") && at > 0 && KEYS.contains(words.get(at - 1)))) {
        return true;
      }
    }
    return false;
  }

  /** Whether a text is a token, or holds a password in a URL, or a private key. */
  public static boolean holds(String value) {
    return TOKEN.matcher(value).matches()
        || PASSWORD.matcher(value).find()
        || PRIVATE_KEY.matcher(value).find();
  }

  /** Whether a variable or setting of this name and value gives a secret away. */
  public static boolean givenAway(String name, String value) {
    String upper = name.toUpperCase(Locale.ROOT).replace('-', '_').replace('.', '_');
    boolean named =
        !PLACE.matcher(upper).matches() && (names(name) || VARIABLE.matcher(upper).matches());
    // As GOOGLE_APPLICATION_CREDENTIALS; a key may begin with a slash as well.
    boolean path = upper.endsWith("CREDENTIALS") && PATH.matcher(value).matches();
    return (named && !value.isEmpty() && !path) || holds(value);
  }

  /** The text without users and passwords of its URLs. */
  public static String redacted(String text) {
    return USER_INFO.matcher(text).replaceAll("$1(redacted)@");
  }
}
