import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify';
import { sendError, sendNotFound } from './api-errors.ts';
import type { PagesOptions } from './pages.ts';

/**
 * The pages, for requests that no route has. Loaded when somebody first asks for one: an instance that starts has more urgent
 * work, and most never show a page.
 */
export class LazyPages {
  readonly #options: PagesOptions;
  readonly #logger: FastifyBaseLogger;
  #loaded: Promise<FastifyInstance> | undefined;

  constructor(options: PagesOptions, logger: FastifyBaseLogger) {
    this.#options = options;
    this.#logger = logger;
  }

  async answer(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    if (request.url.startsWith('/api/') || (request.method !== 'GET' && request.method !== 'HEAD')) {
      return sendNotFound(request, reply);
    }
    this.#loaded ??= load(this.#options, this.#logger);
    const server = await this.#loaded;
    reply.hijack();
    server.routing(request.raw, reply.raw);
    return reply;
  }

  async close(): Promise<void> {
    await (await this.#loaded)?.close();
  }
}

async function load(options: PagesOptions, logger: FastifyBaseLogger): Promise<FastifyInstance> {
  const { pages } = await import('./pages.ts');
  const app = fastify({ loggerInstance: logger, logController: new LogController({ disableRequestLogging: true }) });
  app.setErrorHandler(sendError);
  app.setNotFoundHandler(sendNotFound);
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('x-content-type-options', 'nosniff');
  });
  await app.register(pages(options));
  await app.ready();
  return app;
}
