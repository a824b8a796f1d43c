"""Keeping: audits on disk, as Parquet files that other tools read too; needs pyarrow."""
