import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyPluginAsync, FastifyReply } from 'fastify';

export interface PagesOptions {
  /** The cluster pages, or the peer pages. */
  readonly entry: 'index.html' | 'peer.html';
  /**
   * Origins besides its own that the pages may connect to, e.g. `http://192.0.2.7:6969`; asked each time a page is loaded. Others than
   * `http://NAME:PORT` are left out: a content security policy has no way to name an IPv6 address.
   */
  readonly connectOrigins?: () => readonly string[];
  /** Where the pages were built, for tests. */
  readonly root?: string;
}

/** Built by `npm run build:web`: beside the compiled program in a package, in dist/ of a checkout. */
const ROOTS = [join(import.meta.dirname, '../web'), join(import.meta.dirname, '../../dist/web')];
/** Names with a hash of what is in them. */
const ASSETS = '/assets/';
const YEAR_SECONDS = 365 * 24 * 60 * 60;
const ORIGIN = /^http:\/\/[a-z0-9.-]+(:\d+)?$/i;

/**
 * The pages at every address that no other route has: a file where there is one, otherwise the entry, whose scripts know what to
 * show there. Programs, which do not ask for HTML, and whatever is below /api/ get 404 instead.
 */
export function pages(options: PagesOptions): FastifyPluginAsync {
  const { entry, connectOrigins = () => [] } = options;
  const root = options.root ?? ROOTS.find((each) => existsSync(join(each, entry))) ?? ROOTS.at(-1)!;
  return async (app: FastifyInstance) => {
    await app.register(fastifyStatic, {
      root,
      serve: false,
      preCompressed: true,
      cacheControl: false,
      // That it is not there yet is said to whoever asks.
      suppressWarning: true,
    });

    app.get('/*', { schema: { hide: true } }, async (request, reply) => {
      // As it was sent: a path that begins with two slashes would be a host to `URL`.
      const [pathname] = request.url.split('?', 1) as [string];
      if (pathname.startsWith('/api/')) return reply.callNotFound();
      if (isFile(pathname)) {
        reply.header('cache-control', pathname.startsWith(ASSETS) ? `max-age=${YEAR_SECONDS}, immutable` : 'no-cache');
        return reply.sendFile(pathname.slice(1));
      }
      const wantsPage = pathname === '/' || /\btext\/html\b/.test(request.headers.accept ?? '');
      if (!wantsPage) return reply.callNotFound();
      reply.header('cache-control', 'no-cache');
      if (!existsSync(join(root, entry))) return sendNotBuilt(reply);
      reply.header('content-security-policy', contentSecurityPolicy(connectOrigins()));
      reply.header('referrer-policy', 'no-referrer');
      return reply.sendFile(entry);
    });
  };

  /** Only what the build puts there, and no HTML but the entry. */
  function isFile(pathname: string): boolean {
    return /^\/(assets\/)?[\w-]+(\.[\w-]+)*\.(js|css|svg|png)$/.test(pathname) && existsSync(join(root, pathname));
  }
}

function contentSecurityPolicy(origins: readonly string[]): string {
  const connect = ["'self'", ...origins.filter((origin) => ORIGIN.test(origin))];
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    `connect-src ${connect.join(' ')}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

function sendNotBuilt(reply: FastifyReply): FastifyReply {
  return reply.status(503).type('text/plain; charset=utf-8').send(NOT_BUILT);
}

const NOT_BUILT = `The pages have not been built. Run \`npm run build:web\`, then load this again.

/api/v1/openapi.json describes the API, which works without them.
`;
