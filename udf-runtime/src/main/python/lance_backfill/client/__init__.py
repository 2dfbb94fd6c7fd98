"""What programs use: databases, tables and jobs, over CALL and plain DataFrames."""
