package io.lancebackfill.datasource.store;

import io.lancebackfill.datasource.table.DatasetException;
import io.lancebackfill.datasource.table.DatasetException.Kind;
import io.lancebackfill.datasource.table.DatasetRef;
import io.lancebackfill.datasource.table.LanceAllocator;
import io.lancebackfill.datasource.table.LanceErrorClassifier;
import io.lancebackfill.datasource.table.LanceLog;
import io.lancebackfill.datasource.table.Retry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.lance.namespace.DirectoryNamespace;
import org.lance.namespace.model.ListTablesRequest;
import org.lance.namespace.model.ListTablesResponse;

/** A folder of datasets that keep state. Never writes into it. */
public final class StateFolder {
  static {
    LanceLog.quieten();
  }

  private static final String SUFFIX = ".lance";

  private final DatasetRef folder;

  public StateFolder(DatasetRef folder) {
    this.folder = folder;
  }

  /** The dataset of that name in this folder, whether it exists or not. */
  public DatasetRef child(String name) {
    return folder.child(name + SUFFIX);
  }

  /**
   * The names, without {@code .lance}, of the datasets right in this folder, sorted; none if the
   * folder does not exist. On local file systems folders count that a crash left without a version.
   *
   * @throws DatasetException as classified
   */
  public List<String> children() {
    Optional<Path> local = LocalPaths.folder(folder);
    return local.isPresent()
        ? listed(local.get())
        : Retry.outage("list", folder, this::listedByLance);
  }

  private List<String> listed(Path path) {
    try (Stream<Path> entries = Files.list(path)) {
      return entries
          .filter(Files::isDirectory)
          .map(entry -> String.valueOf(entry.getFileName()))
          .filter(name -> name.endsWith(SUFFIX) && name.length() > SUFFIX.length())
          .map(name -> name.substring(0, name.length() - SUFFIX.length()))
          .sorted()
          .toList();
    } catch (NoSuchFileException | NotDirectoryException e) {
      return List.of();
    } catch (IOException e) {
      throw LanceErrorClassifier.classify("list the folder", folder, e);
    }
  }

  List<String> listedByLance() {
    Map<String, String> properties = new HashMap<>();
    folder.storageOptions().forEach((key, value) -> properties.put("storage." + key, value));
    properties.put("root", folder.uri());
    // With it on, Lance would write a table of its own into the folder.
    properties.put("manifest_enabled", "false");
    properties.put("dir_listing_enabled", "true");
    try (DirectoryNamespace namespace = new DirectoryNamespace()) {
      namespace.initialize(properties, LanceAllocator.root());
      List<String> names = new ArrayList<>();
      String page = null;
      do {
        ListTablesResponse response = namespace.listTables(request(page));
        names.addAll(response.getTables());
        page = response.getPageToken();
      } while (page != null && !page.isEmpty());
      return names.stream().sorted().toList();
    } catch (Exception e) {
      DatasetException classified = LanceErrorClassifier.classify("list", folder, e);
      if (classified.kind() == Kind.NOT_FOUND) {
        return List.of();
      }
      throw classified;
    }
  }

  private static ListTablesRequest request(@Nullable String page) {
    ListTablesRequest request = new ListTablesRequest().id(List.of());
    return page == null ? request : request.pageToken(page);
  }

  /**
   * Deletes a dataset of this folder and all in it; no error if there is none.
   *
   * @throws DatasetException INVALID_INPUT unless this folder is, or lies below, a {@code
   *     _backfill} folder and the name is a plain one
   */
  public void drop(String child) {
    if (child.isBlank() || child.contains("/") || child.contains("\\")) {
      throw new DatasetException(
          Kind.INVALID_INPUT,
          folder,
          "Refused to delete '"
              + child
              + "' in "
              + folder.display()
              + ": not the plain name of a dataset in that folder.",
          null);
    }
    StateDatasets.drop(child(child));
  }
}
