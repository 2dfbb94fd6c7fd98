package io.lancebackfill.manifest;

import io.lancebackfill.secret.SecretKey;
import io.lancebackfill.secret.Secrets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** What makes a manifest valid, apart from what lies on the disk. Keeps the faults of one. */
final class ManifestChecks {
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,127}");
  private static final Pattern VARIABLE = Pattern.compile("[A-Za-z_][A-Za-z0-9_]*");
  private static final Pattern IDENTIFIER = Pattern.compile("[\\p{L}_][\\p{L}\\p{N}_]*");
  private static final Pattern VERSION = Pattern.compile("3\\.\\d{1,3}(\\.\\d{1,3})?");
  private static final Pattern SECRET_NAME =
      Pattern.compile(
          "(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*");
  private static final Pattern SECRET_KEY = Pattern.compile("[-._A-Za-z0-9]{1,253}");
  private static final Pattern IMAGE =
      Pattern.compile(
          "[a-zA-Z0-9][a-zA-Z0-9._-]*(:\\d+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*"
              + "(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?");

  private final List<ManifestFault> faults = new ArrayList<>();

  private ManifestChecks() {}

  static List<ManifestFault> faults(
      String name,
      ManifestSpec.Packages packages,
      ManifestSpec.Code code,
      ManifestSpec.Env env,
      ManifestSpec.Target target) {
    ManifestChecks checks = new ManifestChecks();
    if (!NAME.matcher(name).matches()) {
      checks.fault(
          "name",
          "'%s' is no name. Use letters, digits, '.', '_' and '-', 128 at most, a letter or digit"
              + " first.",
          name);
    }
    checks.packages(packages);
    checks.modules(code.pyModules());
    checks.paths(code.paths());
    env.vars().forEach((variable, value) -> checks.variable(variable, value, env));
    env.secretVars().forEach(checks::secret);
    checks.target(target);
    return checks.faults;
  }

  private void fault(String place, String problem, Object... values) {
    faults.add(new ManifestFault(place, String.format(problem, values)));
  }

  private void packages(ManifestSpec.Packages packages) {
    Map<String, String> byName = new HashMap<>();
    for (int at = 0; at < packages.pip().size(); at++) {
      String place = "pip[" + at + "]";
      String text = packages.pip().get(at);
      try {
        Requirement requirement = Requirement.parse(text);
        // With a marker, several lines of one package are usual: each is for other workers.
        String other = requirement.marker() ? null : byName.put(requirement.name(), text);
        if (other != null) {
          fault(place, "'%s' and '%s' are one package. Keep one of the two.", text, other);
        }
      } catch (IllegalArgumentException e) {
        faults.add(new ManifestFault(place, String.valueOf(e.getMessage())));
      }
    }
    if (packages.requirements() != null) {
      path("requirements", packages.requirements());
    }
  }

  private void modules(List<String> modules) {
    Map<String, String> byName = new HashMap<>();
    for (int at = 0; at < modules.size(); at++) {
      String place = "py_modules[" + at + "]";
      String module = modules.get(at);
      Path path = path(place, module);
      Path last = path == null ? null : path.normalize().getFileName();
      if (last == null || last.toString().isEmpty() || last.toString().equals("..")) {
        if (path != null) {
          fault(
              place,
              "'%s' has no name to import it by. Name the package's own folder, or list the folder"
                  + " around it in paths.",
              module);
        }
        continue;
      }
      String file = last.toString();
      if (file.endsWith(".whl")) {
        fault(place, "'%s' is a wheel. List it in pip, as 'NAME @ file:///PATH'.", module);
        continue;
      }
      int dot = file.endsWith(".py") || file.endsWith(".so") ? file.indexOf('.') : file.length();
      String importName = file.substring(0, dot);
      if (!IDENTIFIER.matcher(importName).matches()) {
        fault(
            place,
            "'%s' cannot be imported as '%s'. A module is a folder, a .py or a .so file whose name"
                + " is an identifier; list folders with other names in paths.",
            module,
            importName);
        continue;
      }
      String other = byName.put(importName, module);
      if (other != null) {
        fault(
            place,
            "'%s' and '%s' would both be '%s'. Keep one of them.",
            module,
            other,
            importName);
      }
    }
  }

  private void paths(List<String> paths) {
    Map<Path, String> seen = new HashMap<>();
    for (int at = 0; at < paths.size(); at++) {
      Path path = path("paths[" + at + "]", paths.get(at));
      String other = path == null ? null : seen.put(path.normalize(), paths.get(at));
      if (other != null) {
        fault("paths[" + at + "]", "'%s' is listed twice. Keep one.", paths.get(at));
      }
    }
  }

  private @Nullable Path path(String place, String text) {
    if (text.isBlank()) {
      fault(place, "the path is empty. Name a local file or folder.");
      return null;
    }
    if (text.contains("://")) {
      fault(place, "'%s' is a URL. Name a local file or folder.", Secrets.redacted(text));
      return null;
    }
    try {
      return Path.of(text);
    } catch (InvalidPathException e) {
      fault(place, "'%s' is no path: %s. Name a local file or folder.", text, e.getReason());
      return null;
    }
  }

  private void variable(String variable, String value, ManifestSpec.Env env) {
    String place = "env_vars." + variable;
    variableName(place, variable);
    if (env.secretVars().containsKey(variable)) {
      fault(place, "is in secret_env_vars too. Keep one of the two.");
    } else if (Secrets.names(variable)) {
      fault(
          place,
          "looks like a secret, and a manifest stores none. Put the value into a Kubernetes secret"
              + " and name it: secret_env_vars: {%s: SECRET/KEY}.",
          variable);
    } else if (Secrets.holds(value)) {
      fault(
          place,
          "the value holds a password, a token or a private key, and a manifest stores none. Put it into a"
              + " Kubernetes secret and name it: secret_env_vars: {%s: SECRET/KEY}.",
          variable);
    }
    if (value.indexOf('\0') >= 0) {
      fault(place, "the value has a NUL character, which no environment takes. Remove it.");
    }
  }

  private void variableName(String place, String variable) {
    if (!VARIABLE.matcher(variable).matches()) {
      fault(
          place,
          "'%s' is no name of a variable. Use letters, digits and '_', no digit first.",
          variable);
    } else if (variable.equals("PYTHONPATH") || variable.equals("PYTHONHOME")) {
      fault(place, "is set for the workers by the manifest. List folders in paths instead.");
    }
  }

  private void secret(String variable, SecretKey ref) {
    String place = "secret_env_vars." + variable;
    variableName(place, variable);
    // What was put here by mistake may be the secret itself, so it is not shown.
    if (!SECRET_NAME.matcher(ref.secret()).matches()) {
      fault(
          place,
          "the part before '/' is no name of a Kubernetes secret. Write SECRET/KEY: lower-case"
              + " letters, digits, '-' and '.' for the secret.");
    }
    if (!SECRET_KEY.matcher(ref.key()).matches()) {
      fault(
          place,
          "the part after '/' is no key of a Kubernetes secret. Write SECRET/KEY: letters, digits,"
              + " '-', '_' and '.' for the key.");
    }
  }

  private void target(ManifestSpec.Target target) {
    if (target.image() != null && !IMAGE.matcher(target.image()).matches()) {
      fault(
          "image",
          "'%s' is no image. Write HOST/NAME:TAG or HOST/NAME@sha256:DIGEST.",
          Secrets.redacted(target.image()));
    }
    if (target.python() != null && !VERSION.matcher(target.python()).matches()) {
      fault("python", "'%s' is no version of Python 3. Write 3.11 or 3.11.7.", target.python());
    }
    if (!Platform.KNOWN.contains(target.platform())) {
      fault(
          "platform",
          "'%s' is no architecture. Write x86_64 or aarch64, as uname -m does.",
          target.platform());
    }
  }
}
