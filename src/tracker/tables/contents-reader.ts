import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { closeQuietly, openSqliteReader, storageError } from '../../cluster/storage/sqlite-file.ts';
import { ADMISSION_ALLOW, ADMISSION_DENY } from '../operations.ts';
import type {
  AdmissionMode,
  AdmissionPage,
  AdmissionQuery,
  Content,
  ContentDetail,
  ContentsPage,
  ContentsQuery,
  PeersQuery,
} from '../tracker.ts';
import { TABLES_FORMAT } from './schema.ts';
import { readMeta } from './table-loader.ts';

/**
 * The tables as the API shows them, over a connection of its own that only reads. Each answer is of one moment and
 * says of which (`appliedIndex`).
 */
export class ContentsReader {
  readonly #path: string;
  readonly #db: DatabaseSync;
  readonly #unixTimeMs: (clusterSeconds: number) => number;
  readonly #contents: StatementSync;
  readonly #content: StatementSync;
  readonly #peers: StatementSync;
  readonly #listed: StatementSync;

  /**
   * @param path the tables, which their writer has opened before
   * @param unixTimeMs turns seconds of cluster time into Unix time as this instance's clock knows it
   * @throws {StorageError}
   */
  static open(path: string, unixTimeMs: (clusterSeconds: number) => number): ContentsReader {
    return new ContentsReader(path, openSqliteReader(path, TABLES_FORMAT), unixTimeMs);
  }

  private constructor(path: string, db: DatabaseSync, unixTimeMs: (clusterSeconds: number) => number) {
    this.#path = path;
    this.#db = db;
    this.#unixTimeMs = unixTimeMs;
    this.#contents = db.prepare(`${SELECT_CONTENT} WHERE sha1 > ? ORDER BY sha1 LIMIT ?`);
    this.#content = db.prepare(`${SELECT_CONTENT} WHERE sha1 = ?`);
    this.#peers = db.prepare(
      `SELECT CAST(id AS TEXT) AS id, host, port, "left", last_seen FROM CONTENTS JOIN PEER_INFO ON id = peer_id
       WHERE sha1 = ? AND peer_id > CAST(? AS INTEGER) ORDER BY peer_id LIMIT ?`,
    );
    this.#listed = db.prepare('SELECT sha1 FROM ADMISSION WHERE list = ? AND sha1 > ? ORDER BY sha1 LIMIT ?');
  }

  /** @throws {StorageError} the file is damaged */
  contents(query: Pick<ContentsQuery, 'after' | 'limit'>): Omit<ContentsPage, 'total'> {
    return this.#atOneMoment(() => {
      const rows = this.#contents.all(query.after ?? '', query.limit + 1) as unknown as ContentRow[];
      const { page, next } = cut(rows, query.limit, (row) => row.sha1);
      return { contents: page.map(toContent), next, appliedIndex: this.#appliedIndex() };
    });
  }

  /** These contents, as far as they are there. */
  contentsOf(sha1s: readonly string[]): Pick<ContentsPage, 'contents' | 'appliedIndex'> {
    return this.#atOneMoment(() => {
      const rows = sha1s.map((sha1) => this.#content.get(sha1) as unknown as ContentRow | undefined);
      const contents = rows.filter((row) => row !== undefined).map(toContent);
      return { contents, appliedIndex: this.#appliedIndex() };
    });
  }

  /** Undefined if nobody ever announced it, or it was forgotten since. */
  content(sha1: string, query: PeersQuery): ContentDetail | undefined {
    return this.#atOneMoment(() => {
      const row = this.#content.get(sha1) as unknown as ContentRow | undefined;
      if (!row) return undefined;
      const peers = this.#peers.all(sha1, query.after ?? '-1', query.limit + 1) as unknown as PeerRow[];
      const { page, next } = cut(peers, query.limit, (peer) => peer.id);
      return {
        ...toContent(row),
        peers: page.map(({ host, port, left, last_seen }) => ({
          host,
          port,
          left,
          lastSeen: this.#unixTimeMs(last_seen),
        })),
        next,
        appliedIndex: this.#appliedIndex(),
      };
    });
  }

  admission(query: AdmissionQuery): AdmissionPage {
    return this.#atOneMoment(() => {
      const list = query.list === 'deny' ? ADMISSION_DENY : ADMISSION_ALLOW;
      const rows = this.#listed.all(list, query.after ?? '', query.limit + 1) as unknown as { sha1: string }[];
      const { page, next } = cut(rows, query.limit, (row) => row.sha1);
      return { mode: modeName(readMeta(this.#db).admissionMode), sha1s: page.map((row) => row.sha1), next };
    });
  }

  /** Can be called twice. */
  close(): void {
    if (this.#db.isOpen) closeQuietly(this.#db);
  }

  #appliedIndex(): bigint {
    return readMeta(this.#db).appliedIndex;
  }

  #atOneMoment<Answer>(read: () => Answer): Answer {
    try {
      this.#db.exec('BEGIN');
      return read();
    } catch (error) {
      throw storageError(this.#path, TABLES_FORMAT.what, error);
    } finally {
      if (this.#db.isTransaction) this.#db.exec('COMMIT');
    }
  }
}

interface ContentRow {
  sha1: string;
  name: string | null;
  size: number | null;
  completed: number;
  peers: number;
  seeders: number;
}

interface PeerRow {
  id: string;
  host: string;
  port: number;
  left: number;
  last_seen: number;
}

const SELECT_CONTENT = `SELECT sha1, name, CAST(size AS REAL) AS size, completed,
    (SELECT count(*) FROM CONTENTS WHERE CONTENTS.sha1 = SWARM.sha1) AS peers,
    (SELECT count(*) FROM CONTENTS WHERE CONTENTS.sha1 = SWARM.sha1 AND "left" = 0) AS seeders
  FROM SWARM`;

function toContent(row: ContentRow): Content {
  return {
    sha1: row.sha1,
    name: row.name || null,
    size: row.size === null || row.size < 0 ? null : row.size,
    seeders: row.seeders,
    leechers: row.peers - row.seeders,
    completed: row.completed,
  };
}

/** The first `limit` rows; `next` names the last of them if more follow. */
function cut<Row>(rows: Row[], limit: number, nameOf: (row: Row) => string): { page: Row[]; next: string | null } {
  const page = rows.slice(0, limit);
  return { page, next: rows.length > limit && page.length > 0 ? nameOf(page[page.length - 1]) : null };
}

function modeName(mode: number): AdmissionMode {
  if (mode === ADMISSION_ALLOW) return 'allow';
  return mode === ADMISSION_DENY ? 'deny' : 'open';
}
