package io.lancebackfill.manifest;

import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;

/** Knows secrets by the names that people give them, and by a few forms that nothing else has. */
public final class SecretWords {
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

  private static final Pattern USER_INFO =
      Pattern.compile("([A-Za-z][A-Za-z0-9+.-]*://)[^/@\\s]+@");
  private static final Pattern PASSWORD =
      Pattern.compile("[A-Za-z][A-Za-z0-9+.-]*://[^/@\\s:]*:[^/@\\s]+@");
  private static final Pattern PRIVATE_KEY = Pattern.compile("-----BEGIN [A-Z ]*PRIVATE KEY-----");

  private SecretWords() {}

  /** Whether a variable of this name is meant to hold a secret. */
  static boolean names(String variable) {
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

  /** Whether a text holds a password in a URL, or a private key. */
  static boolean holds(String value) {
    return PASSWORD.matcher(value).find() || PRIVATE_KEY.matcher(value).find();
  }

  /** The text without users and passwords of its URLs. */
  public static String redacted(String text) {
    return USER_INFO.matcher(text).replaceAll("$1(redacted)@");
  }
}
