/** What the fast path serves: a whole GET of an announce or a scrape, and nothing behind it. */
export interface TrackerRequestHead {
  readonly path: '/announce' | '/scrape';
  /** Behind the question mark, one character a byte. */
  readonly query: string;
}

/**
 * Recognises the request that ordinary clients send, in one piece. Undefined for anything else: a part of a request,
 * another method or path, two requests in one, a body. The general server takes those.
 */
export function parseRequestHead(head: Uint8Array): TrackerRequestHead | undefined {
  // RFC 9112: the head ends with an empty line.
  const end = head.length;
  if (end < 16 || head[end - 1] !== LF || head[end - 2] !== CR || head[end - 3] !== LF) return undefined;
  if (head[0] !== 0x47 || head[1] !== 0x45 || head[2] !== 0x54 || head[3] !== SPACE) return undefined;
  const text = Buffer.from(head.buffer, head.byteOffset, head.length).toString('latin1');
  const path = text.startsWith('/announce?', 4) ? '/announce' : text.startsWith('/scrape?', 4) ? '/scrape' : undefined;
  if (path === undefined) return undefined;
  const start = 4 + path.length + 1;
  const space = text.indexOf(' ', start);
  if (!text.startsWith(' HTTP/1.', space)) return undefined;
  if (text.indexOf('\r\n\r\n', space) !== end - 4) return undefined;
  if (UNUSUAL_HEADER.test(text.slice(space))) return undefined;
  return { path, query: text.slice(start, space) };
}

/** Headers that ask for more than one answer to one request. */
const UNUSUAL_HEADER = /\r\n(?:content-length|transfer-encoding|expect|upgrade):/i;
const SPACE = 0x20;
const CR = 0x0d;
const LF = 0x0a;
