"""Parts: single Parquet files, that are there whole or not at all.

The name of a part ends with a hash of its bytes, so that none is taken for what it is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from regnb.audit.keeping.forms import VERSION
from regnb.errors import NewerAuditError, SavedAuditError, printable
from regnb.store.atomic import write_atomically
from regnb.store.trouble import explain

PARTS = "part-*.parquet"
"""What matches the parts in the folder of a table."""

_VERSION_KEY = b"regnb.schema"
_HASH = 16  # hexadecimal digits of it in a name


def write_part(folder: Path, table: str, name: str, rows: pa.Table) -> str:
    """Write one file, and tell its path below the folder.

    Args:
        folder: of the data set.
        table: the folder of the table below it, which must be there.
        name: what to call the part.
        rows: what is in it.

    Raises:
        DiskFullError: no space is left.
        StorageError: what else stands in the way.
    """
    sink = pa.BufferOutputStream()
    # The schema of Arrow would bring dictionary types; as it is, text is text to every tool.
    with pq.ParquetWriter(sink, rows.schema, compression="zstd", store_schema=False) as writer:
        writer.write_table(rows)
        writer.add_key_value_metadata({_VERSION_KEY: str(VERSION)})
    data = sink.getvalue().to_pybytes()
    part = f"{table}/part-{name}-{_hash(data)}.parquet"
    write_atomically(folder / part, data)
    return part


def name_of(part: str | Path) -> str:
    """What a part is called: the name of its file without the hash and what is around it."""
    return Path(part).stem.removeprefix("part-").rpartition("-")[0]


@contextmanager
def intact(folder: Path, part: str) -> Iterator[None]:
    """Turn whatever trouble there is with the contents of a file into a typed error.

    Raises:
        NewerAuditError: a newer version of regnb wrote it.
        SavedAuditError: it is missing or damaged.
        StorageError: it cannot be read.
    """
    path = folder / part
    try:
        yield
    except FileNotFoundError:
        raise SavedAuditError(
            f"{printable(path)} is missing: what was saved is not whole. Restore the file, or "
            "audit anew."
        ) from None
    except SavedAuditError:
        raise
    except OSError as error:
        raise explain(error, path, "read") from error
    except (pa.ArrowException, LookupError, ValueError, TypeError) as error:
        raise _damaged(path) from error


def read_part(
    folder: Path, part: str, columns: Iterable[str], *, texts: Iterable[str] = ()
) -> pa.Table:
    """Read some columns of one file below a folder, those named in `texts` as dictionaries.

    Raises:
        NewerAuditError: a newer version of regnb wrote it.
        SavedAuditError: it is missing or damaged.
        StorageError: it cannot be read.
    """
    names = list(columns)
    with intact(folder, part):
        data = (folder / part).read_bytes()
        if not part.endswith(f"-{_hash(data)}.parquet"):
            raise _damaged(folder / part)
        file = pq.ParquetFile(pa.BufferReader(data), read_dictionary=list(texts))
        version = int((file.metadata.metadata or {})[_VERSION_KEY])
        if version > VERSION:
            raise NewerAuditError(
                f"{printable(folder / part)} was written by a newer version of regnb, in version "
                f"{version} of the files; this one knows {VERSION}. "
                "Update: pip install --upgrade regnb."
            )
        return file.read(names).select(names)


def _hash(data: bytes) -> str:
    return sha256(data).hexdigest()[:_HASH]


def _damaged(path: Path) -> SavedAuditError:
    return SavedAuditError(
        f"{printable(path)} is damaged, or no file of a saved audit. Restore it, or audit anew."
    )
