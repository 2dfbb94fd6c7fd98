package io.lancebackfill.error;

/**
 * Stable codes of the failures that users see. A code is never renamed or reused. The kind says who
 * can cure it: the caller, somebody outside, or we.
 */
public enum BackfillErrorCode {
  // The session
  MISSING_JARS(Kind.EXTERNAL),
  // The call
  INVALID_CALL(Kind.USER),
  UNKNOWN_PROCEDURE(Kind.USER),
  UNKNOWN_ARGUMENT(Kind.USER),
  DUPLICATE_ARGUMENT(Kind.USER),
  MISSING_ARGUMENT(Kind.USER),
  INVALID_ARGUMENT(Kind.USER),
  UNKNOWN_OPTION(Kind.USER),
  INVALID_OPTION(Kind.USER),
  // Tables and columns
  TABLE_NOT_FOUND(Kind.USER),
  NOT_A_LANCE_TABLE(Kind.USER),
  UNKNOWN_CATALOG(Kind.USER),
  COLUMN_NOT_FOUND(Kind.USER),
  COLUMN_EXISTS(Kind.USER),
  NOT_A_COMPUTED_COLUMN(Kind.USER),
  COLUMN_IN_USE(Kind.USER),
  COMPUTED_COLUMN_WRITE(Kind.USER),
  UNSUPPORTED_TYPE(Kind.USER),
  TYPE_MISMATCH(Kind.USER),
  VERSION_NOT_FOUND(Kind.USER),
  READ_ONLY_TABLE(Kind.EXTERNAL),
  MANAGED_VERSIONING(Kind.USER),
  // Expressions and functions
  INVALID_EXPRESSION(Kind.USER),
  NON_DETERMINISTIC_EXPRESSION(Kind.USER),
  SESSION_DEPENDENT_EXPRESSION(Kind.USER),
  NOT_ROW_WISE_EXPRESSION(Kind.USER),
  INVALID_WHERE(Kind.USER),
  FUNCTION_NOT_FOUND(Kind.USER),
  FUNCTION_CHANGED(Kind.USER),
  FUNCTION_NEEDS_VERSION(Kind.USER),
  FUNCTION_NOT_TOP_LEVEL(Kind.USER),
  INVALID_FUNCTION(Kind.USER),
  FUNCTION_NOT_TRUSTED(Kind.USER),
  FUNCTION_NOT_LOADED(Kind.USER),
  FUNCTION_FAILED(Kind.USER),
  REQUIREMENT_FAILED(Kind.USER),
  ENVIRONMENT_MISMATCH(Kind.USER),
  RESOURCES_UNAVAILABLE(Kind.USER),
  CLUSTER_SPEC_INVALID(Kind.USER),
  CLUSTER_NOT_FOUND(Kind.USER),
  CLUSTER_GROUP_UNFIT(Kind.USER),
  ADMISSION_TIMEOUT(Kind.EXTERNAL),
  MANIFEST_INVALID(Kind.USER),
  MANIFEST_NOT_FOUND(Kind.USER),
  TOO_MANY_FAILED_ROWS(Kind.USER),
  PYTHON_UNAVAILABLE(Kind.EXTERNAL),
  // Running and committing
  COLUMN_DROPPED(Kind.USER),
  FRAGMENT_REWRITTEN(Kind.EXTERNAL),
  INPUT_CHANGED(Kind.EXTERNAL),
  COLUMN_CHANGED(Kind.EXTERNAL),
  COMMIT_FAILED(Kind.EXTERNAL),
  COMMIT_STATE_UNKNOWN(Kind.EXTERNAL),
  LEASE_LOST(Kind.EXTERNAL),
  JOB_INTERRUPTED(Kind.EXTERNAL),
  TASK_FAILED(Kind.EXTERNAL),
  PROCESS_LOST(Kind.EXTERNAL),
  EXECUTOR_OUT_OF_MEMORY(Kind.EXTERNAL),
  // State
  STATE_DAMAGED(Kind.EXTERNAL),
  STATE_FORMAT_TOO_NEW(Kind.USER),
  JOB_NOT_FOUND(Kind.USER),
  STORAGE_FAILED(Kind.EXTERNAL),
  INTERNAL_ERROR(Kind.INTERNAL);

  /** Who can cure a failure. */
  public enum Kind {
    /** The caller, by changing the call, the function or the data. */
    USER("42000"),
    /** Somebody who runs the storage, the cluster or another writer; often a rerun is enough. */
    EXTERNAL("58000"),
    /** Nobody but us: a defect. */
    INTERNAL("XX000");

    private final String sqlState;

    Kind(String sqlState) {
      this.sqlState = sqlState;
    }
  }

  /** As Spark has it for UDFs that fail. */
  private static final String EXTERNAL_ROUTINE = "39000";

  private final Kind kind;

  BackfillErrorCode(Kind kind) {
    this.kind = kind;
  }

  public Kind kind() {
    return kind;
  }

  /** The SQLSTATE, for clients that speak it. */
  String sqlState() {
    return switch (this) {
      case FUNCTION_FAILED, FUNCTION_NOT_LOADED, TOO_MANY_FAILED_ROWS -> EXTERNAL_ROUTINE;
      default -> kind.sqlState;
    };
  }
}
