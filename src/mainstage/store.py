"""Results that outlive the run: a `map` with a store computes only what the store does not have.

A store is one SQLite file. Its keys are made of the function, by its code or by a version that the program gives, and
of the input (`core.fingerprint`). It is read and written on the thread that takes the results, and each batch of those
that came is committed before any of it is given out: a killed process loses what was running, and no more.

What is in it are pickles: a store is to be trusted as a program is.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import sqlite3
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from mainstage.core.clock import SystemClock
from mainstage.core.describe import describe
from mainstage.core.fingerprint import SIZE, NotCanonical, canonical, digest_of, fingerprint, source_files
from mainstage.errors import Cancelled, MainstageError, TaskTimeout, WorkerLost, is_instance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Path: TypeAlias = "str | os.PathLike[str]"
SIGN = 0x4D735374
"""What marks a file of SQLite as a store."""
LAYOUT = 1
"""The version of the tables."""
MANY = 500
"""Keys that are looked up in one query."""
CACHE_KIB = 16_000
"""Most memory for pages of the file: keys come in no order, so all pages of the tree are written to again and again."""
LOG_PAGES = 4000
"""Pages in the log after which it is folded into the file: the same page is then copied once for many commits."""
PATIENCE_S = 30.0
"""Seconds that another run of the same store may hold it."""
TABLES = """
create table if not exists sources(id integer primary key, digest blob unique, files text);
create table if not exists results(
    key blob primary key, ok integer, value blob, at real, source integer
) without rowid;
"""


Record: TypeAlias = "tuple[int, tuple[Any, ...], Any, BaseException | None, float, float, int]"
"""As of `pool.mapping`: number, arguments, value, error, start, end, attempt."""


class StoreError(MainstageError):
    """A store cannot be used, or an input or a function has no key; the message says why and what to do."""


class Store(NamedTuple):
    """How a `map` keeps its results: `map(fn, items, store=Store("x.db", version="2"))`.

    `version` takes the place of the function's code in the keys: results stay valid until it is changed. Without it a
    changed function, or changed functions of its module that it calls, or those in `uses`, are computed anew.
    `key(item)` takes the place of the item, `on="all"` keeps failures too, `expires` is in seconds from the
    computation; `refresh=True` computes all anew, and replaces what is there.
    """

    path: Path
    version: str = ""
    key: Callable[..., Any] | None = None
    on: Literal["ok", "all"] = "ok"
    expires: float | None = None
    uses: Sequence[Callable[..., Any]] = ()
    refresh: bool = False


class Stored(NamedTuple):
    """A result that was there: a `value`, or an `error` that was kept."""

    value: Any
    error: BaseException | None


class StoredResults:
    """The results of one `map` in its store: `recall` and `keep` on the thread that takes them, `close` at the end.

    `notice` is called with what is to be said of it. Raises `StoreError`, and `TypeError` for what is no store.
    """

    def __init__(self, store: Path | Store, fn: Callable[..., Any], notice: Callable[[str], None]) -> None:
        self._store = store if isinstance(store, Store) else Store(os.fspath(store))
        self._check()
        self._notice = notice
        self._about = blake2b(_fingerprint(fn, self._store), digest_size=SIZE)
        self._keys: dict[int, bytes] = {}
        """Of items that are computed now, by their numbers."""
        self._outdated: dict[int, int] = {}
        """How many results were computed with other files than today's, by these."""
        self._unstored: dict[str, int] = {}
        """How many results could not be pickled, by their types."""
        self._broken = False
        self._clock = SystemClock()
        self._now = 0.0
        self._db = _open(os.fspath(self._store.path))
        try:
            self._source = self._source_id(fn)
            state = self._version()  # before the look at the results: another run may write between the two
            self._state = state if self._is_empty() else -1
            """The state of the file as another run has left it, while there is no result but this run's; else -1."""
        except sqlite3.Error as error:
            self._db.close()
            raise StoreError(f"the store {self._store.path} cannot be used: {error}") from error
        except BaseException:
            self._db.close()
            raise

    def _check(self) -> None:
        store = self._store
        if store.on not in ("ok", "all"):
            raise StoreError(f"on={store.on!r} of a store is neither 'ok' nor 'all'")
        if not isinstance(store.version, str):
            raise StoreError(f"version={store.version!r} of a store is a text, as '2'")

    def _source_id(self, fn: Callable[..., Any]) -> int:
        """Return the number of today's state of the files that the function is made of, new or known."""
        files = {} if self._store.version else source_files([fn, *self._store.uses])
        text = "\n".join(f"{digest} {path}" for path, digest in sorted(files.items()))
        digest = digest_of(text.encode())
        with self._db:
            self._db.execute("insert or ignore into sources(digest, files) values(?, ?)", (digest, text))
        found: int = self._db.execute("select id from sources where digest = ?", (digest,)).fetchone()[0]
        return found

    def _is_empty(self) -> bool:
        return self._db.execute("select 1 from results limit 1").fetchone() is None

    def _version(self) -> int:
        """Return a number that changes as another run commits something."""
        found: int = self._db.execute("pragma data_version").fetchone()[0]
        return found

    # --- what was there ---

    def recall(self, first: int, batch: Sequence[tuple[Any, ...]]) -> dict[int, Stored]:
        """Return what is there for a batch of items, numbered from `first`, by their numbers. Raises `StoreError`."""
        keys = dict(enumerate(self._made_keys(batch), first))
        self._keys.update(keys)
        try:
            if self._store.refresh or self._version() == self._state:
                return {}
            rows = self._rows(list(set(keys.values())))
        except sqlite3.Error as error:  # a damaged page, say
            raise StoreError(
                f"the store {self._store.path} cannot be read: {error}; what is in it can be computed anew into another"
            ) from error
        found: dict[int, Stored] = {}
        for number, key in keys.items():
            row = rows.get(key)
            if row is not None:
                stored = self._load(*row)
                if stored is not None:
                    found[number] = stored
                    del self._keys[number]
        return found

    def _made_keys(self, batch: Sequence[tuple[Any, ...]]) -> list[bytes]:
        """Return the keys of a batch, in its order: one loop without calls of ours, since each item comes through."""
        key, copy = self._store.key, self._about.copy
        made: list[bytes] = []
        try:
            for args in batch:
                digest = copy()
                digest.update(canonical(args if key is None else key(*args)))
                made.append(digest.digest())
        except NotCanonical as error:
            args = batch[len(made)]
            given = describe(args[0] if len(args) == 1 else args)
            raise StoreError(
                f"the input {given} has no key: {error}; give Store(key=), a function that makes one"
            ) from None
        return made

    def _rows(self, keys: list[bytes]) -> dict[bytes, tuple[int, bytes, int]]:
        oldest = 0.0 if self._store.expires is None else self._clock.wall() - self._store.expires
        found: dict[bytes, tuple[int, bytes, int]] = {}
        for at in range(0, len(keys), MANY):
            some = keys[at : at + MANY]
            marks = ",".join("?" * len(some))
            query = f"select key, ok, value, source from results where key in ({marks}) and at >= ?"  # noqa: S608  # marks alone
            for key, ok, value, source in self._db.execute(query, (*some, oldest)):
                found[key] = ok, value, source
        return found

    def _load(self, ok: int, data: bytes, source: int) -> Stored | None:
        """Return a result; None: it is to be computed, since it is not wanted or cannot be read any more."""
        if not ok and self._store.on != "all":
            return None
        try:
            value = pickle.loads(data)  # noqa: S301  # as trusted as the program: docs/resume.md
        except Exception:  # noqa: BLE001  # a class that is gone, say
            return None
        if source != self._source:
            self._outdated[source] = self._outdated.get(source, 0) + 1
        return Stored(value, None) if ok else Stored(None, value)

    # --- what is new ---

    def keep(
        self, records: Iterable[tuple[int, tuple[Any, ...], Any, BaseException | None, float, float, int]]
    ) -> None:
        """Store the results among `records`; what could not be stored is reported at the end."""
        self._now = self._clock.wall()
        rows = [row for record in records if (row := self._row(*record)) is not None]
        if not rows or self._broken:
            return
        try:
            with self._db:
                self._db.executemany(
                    "insert or replace into results(key, ok, value, at, source) values(?, ?, ?, ?, ?)", rows
                )
        except sqlite3.Error as error:
            self._unstored[f"the store {self._store.path} cannot be written: {error}"] = 0
            self._broken = True  # the work goes on

    def _row(  # a record of `pool.mapping`
        self,
        number: int,
        _args: tuple[Any, ...],
        value: Any,
        error: BaseException | None,
        _started: float,
        _ended: float,
        attempt: int,
    ) -> tuple[bytes, bool, bytes, float, int] | None:
        key = self._keys.pop(number, None)
        if key is None or attempt < 1 or (error is not None and not self._keeps(error)):
            return None
        try:
            data = pickle.dumps(value if error is None else error, 5)
        except Exception:  # noqa: BLE001  # the caller has it all the same
            kind = type(value if error is None else error).__name__
            self._unstored[kind] = self._unstored.get(kind, 0) + 1
            return None
        return key, error is None, data, self._now, self._source

    def _keeps(self, error: BaseException) -> bool:
        temporary = (Cancelled, TaskTimeout, WorkerLost)
        return self._store.on == "all" and isinstance(error, Exception) and not is_instance(error, temporary)

    # --- the end ---

    def close(self) -> None:
        """Say what there is to say, and close the file."""
        for source, number in self._outdated.items():
            self._notice(self._changed(source, number))
        for kind, number in self._unstored.items():
            said = f"{number:,} results are not in the store, since {kind} does not pickle" if number else kind
            self._notice(said)
        self._outdated, self._unstored = {}, {}
        with contextlib.suppress(sqlite3.Error):
            self._db.close()

    def _changed(self, source: int, number: int) -> str:
        then, now = self._files(source), self._files(self._source)
        changed = sorted(path for path in then.keys() | now.keys() if then.get(path) != now.get(path))
        names = ", ".join(os.path.basename(path) for path in changed[:3]) + (", ..." if len(changed) > 3 else "")  # noqa: PTH119, PLR2004  # strings; a line
        word = "result was" if number == 1 else "results were"
        return f"{number:,} {word} computed before {names} changed: Store(refresh=True) computes them anew"

    def _files(self, source: int) -> dict[str, str]:
        row = self._db.execute("select files from sources where id = ?", (source,)).fetchone()
        lines = row[0].splitlines() if row is not None else []
        return {path: digest for digest, _, path in (line.partition(" ") for line in lines)}


def _fingerprint(fn: Callable[..., Any], store: Store) -> bytes:
    try:
        return fingerprint(fn, store.version, store.uses)
    except NotCanonical as error:
        raise StoreError(
            f"{describe(fn)} has no key: {error}; give Store(version=), that says when it changes"
        ) from None


def _open(path: str) -> sqlite3.Connection:
    """Return a connection to the store at `path`, made if there is none. Raises `StoreError`."""
    try:
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        db = sqlite3.connect(path, timeout=PATIENCE_S, check_same_thread=False)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"the store {path} cannot be opened: {getattr(error, 'strerror', None) or error}") from error
    try:
        _prepare(db, path)
    except sqlite3.Error as error:
        db.close()
        raise StoreError(f"{path} is no store, or cannot be written: {error}") from error
    except BaseException:
        db.close()
        raise
    return db


def _prepare(db: sqlite3.Connection, path: str) -> None:
    sign = db.execute("pragma application_id").fetchone()[0]
    if sign != SIGN and db.execute("select count(*) from sqlite_master").fetchone()[0]:
        raise StoreError(f"{path} is a database of another program, and no store: name another file")
    layout = db.execute("pragma user_version").fetchone()[0]
    if layout > LAYOUT:
        raise StoreError(f"{path} was written by a newer mainstage (layout {layout}): update to use it")
    mode = db.execute("pragma journal_mode = wal").fetchone()[0]
    if mode != "wal":
        raise StoreError(
            f"the store {path} lies where SQLite cannot keep a write-ahead log (it answers {mode!r}), as on network"
            " file systems: take a local folder"
        )
    db.execute("pragma synchronous = normal")
    db.execute(f"pragma cache_size = -{CACHE_KIB}")
    db.execute(f"pragma wal_autocheckpoint = {LOG_PAGES}")
    if sign != SIGN or layout < LAYOUT:
        db.execute(f"pragma application_id = {SIGN}")
        db.execute(f"pragma user_version = {LAYOUT}")
        db.executescript(TABLES)
