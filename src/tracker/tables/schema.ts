import type { SqliteFormat } from '../../cluster/storage/sqlite-file.ts';

export const TABLES_FILE = 'tracker.db';

/** Page cache of the connection that writes: the whole memory that the tables cost beside what is in the works. */
const CACHE_KIB = 2_048;
/** The WAL file is cut back to this once what it held is in the tables. */
const WAL_KEPT_BYTES = 16 << 20;

/**
 * The tables of one instance, `tracker.db`. They follow the log and can always be brought up to date from it, so a
 * commit need not wait for the disk (synchronous = NORMAL): after a power cut they stand at an earlier applied index.
 *
 * - A column of the plain type STRING(40) would have numeric affinity and turn a sha1 of digits into a number; with the
 *   word TEXT in its type it stays as it is (sqlite.org/datatype3.html, section 3.1).
 * - `PEER_INFO.id` follows from host and port (peer-id.ts). `contents` counts the rows of CONTENTS that refer to the
 *   peer; the row goes with the last of them. Measured for a million arrivals: an index on CONTENTS (peer_id) in its
 *   place doubles the cost of a row and adds 60 MB.
 * - SWARM has a row for each content that was ever announced and not forgotten since; `name` NULL: nobody named it.
 * - META: the state as of log entry `applied_index`.
 */
export const TABLES_FORMAT: SqliteFormat = {
  what: 'the database',
  applicationId: 0x53575442, // "SWTB"
  version: 1,
  pragmas: `PRAGMA synchronous = NORMAL;
    PRAGMA wal_autocheckpoint = 0;
    PRAGMA journal_size_limit = ${WAL_KEPT_BYTES};
    PRAGMA cache_size = -${CACHE_KIB};
    PRAGMA temp_store = MEMORY;`,
  schema: `CREATE TABLE PEER_INFO (
      id INTEGER PRIMARY KEY,
      host VARCHAR(255) NOT NULL,
      port INTEGER NOT NULL,
      contents INTEGER NOT NULL,
      UNIQUE (host, port)
    );
    CREATE TABLE CONTENTS (
      sha1 TEXT STRING(40) NOT NULL,
      peer_id INTEGER NOT NULL,
      "left" INTEGER NOT NULL,
      last_seen INTEGER NOT NULL,
      PRIMARY KEY (sha1, peer_id)
    ) WITHOUT ROWID;
    CREATE TABLE SWARM (
      sha1 TEXT STRING(40) PRIMARY KEY NOT NULL,
      name TEXT,
      size INTEGER,
      completed INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE ADMISSION (
      list INTEGER NOT NULL,
      sha1 TEXT STRING(40) NOT NULL,
      PRIMARY KEY (list, sha1)
    ) WITHOUT ROWID;
    CREATE TABLE META (
      only INTEGER PRIMARY KEY CHECK (only = 1),
      applied_index INTEGER NOT NULL,
      cluster_time REAL NOT NULL,
      admission_mode INTEGER NOT NULL,
      secret BLOB
    );
    INSERT INTO META VALUES (1, 0, 0, 0, NULL);`,
};
