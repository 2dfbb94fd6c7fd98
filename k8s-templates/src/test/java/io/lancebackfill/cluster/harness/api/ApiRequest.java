package io.lancebackfill.cluster.harness.api;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * What one HTTP request asks of the API server, in the words of RBAC.
 *
 * @param verb get, list, watch, create, update, patch, delete or deletecollection
 * @param resource plural name, with its subresource: {@code pods}, {@code pods/status}; empty for
 *     discovery
 * @param namespace empty for cluster-wide resources and for lists over all namespaces
 * @param name empty for collections
 * @param query the raw query string, without the question mark
 */
public record ApiRequest(
    String verb, String resource, String namespace, String name, String query) {
  private static final Pattern SLASH = Pattern.compile("/");
  private static final Pattern AND = Pattern.compile("&");

  static ApiRequest of(String method, String path) {
    int mark = path.indexOf('?');
    String query = mark < 0 ? "" : path.substring(mark + 1);
    List<String> parts =
        SLASH.splitAsStream(mark < 0 ? path : path.substring(0, mark)).skip(1).toList();
    int at = !parts.isEmpty() && parts.get(0).equals("apis") ? 3 : 2;
    String namespace = "";
    if (parts.size() > at + 2 && parts.get(at).equals("namespaces")) {
      namespace = parts.get(at + 1);
      at += 2;
    }
    String resource = part(parts, at);
    String name = part(parts, at + 1);
    String subresource = part(parts, at + 2);
    return new ApiRequest(
        verb(method, name.isEmpty(), query),
        subresource.isEmpty() ? resource : resource + "/" + subresource,
        namespace,
        name,
        query);
  }

  /** The decoded value of a parameter of the query. */
  Optional<String> parameter(String key) {
    return AND.splitAsStream(query)
        .filter(each -> each.startsWith(key + "="))
        .map(each -> URLDecoder.decode(each.substring(key.length() + 1), StandardCharsets.UTF_8))
        .findFirst();
  }

  private static String part(List<String> parts, int index) {
    return index < parts.size() ? parts.get(index) : "";
  }

  private static String verb(String method, boolean collection, String query) {
    return switch (method.toUpperCase(Locale.ROOT)) {
      case "POST" -> "create";
      case "PUT" -> "update";
      case "PATCH" -> "patch";
      case "DELETE" -> collection ? "deletecollection" : "delete";
      default -> query.contains("watch=true") ? "watch" : collection ? "list" : "get";
    };
  }
}
