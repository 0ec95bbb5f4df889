import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { findProgram, missingPrograms } from '../harness/programs.ts';

export type { Page };

const BUILT_PAGES = join(import.meta.dirname, '../../dist/web/index.html');
/** Of waiting for what a page shows, milliseconds: generous on purpose, a test that passes never waits so long. */
export const PAGE_DEADLINE_MS = 120_000;

/**
 * For a test's `skip`: why there can be no browser tests and what to do, or false.
 * @throws under CI=true, where nothing may be missing
 */
export const browserMissing: string | false = missingPrograms('chromium') || missingPages();

function missingPages(): string | false {
  if (existsSync(BUILT_PAGES)) return false;
  const message = 'the pages have not been built; npm run build:web';
  if (process.env.CI === 'true') throw new Error(message);
  return message;
}

export interface VisitOptions {
  readonly theme?: 'light' | 'dark';
  /** Of the window, CSS pixels; a desktop's by default. */
  readonly width?: number;
  readonly height?: number;
  /** Servers that the page may talk to beside the one it came from, as `http://127.0.0.1:6970`. */
  readonly servers?: readonly string[];
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The test makes requests that are refused: that the browser tells so is no fault of the page. */
  readonly refusals?: true;
  /** The test takes servers away: that the page cannot reach them is no fault of the page. */
  readonly serversMayGo?: true;
  /** Reduced motion, so that a screenshot or an audit is of a page at rest; by default true. */
  readonly still?: boolean;
}

/** A real Chromium without a window. `await using` ends it. */
export class TestBrowser implements AsyncDisposable {
  readonly #browser: Browser;

  static async start(): Promise<TestBrowser> {
    // Chromium's sandbox does not work for root, and these pages are our own.
    const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
    const executablePath = findProgram('chromium')!;
    return new TestBrowser(await chromium.launch({ executablePath, args: [...args, '--disable-dev-shm-usage'] }));
  }

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  /**
   * Opens the page in a profile of its own, and lets `use` work with it. Afterwards nothing may have gone wrong that only the
   * console tells, and nothing may have been asked of any other server.
   */
  async visit(url: string, options: VisitOptions, use: (page: Page) => Promise<void>): Promise<void> {
    const { theme = 'light', width = 1_280, height = 900, still = true } = options;
    const context = await this.#browser.newContext({
      colorScheme: theme,
      viewport: { width, height },
      reducedMotion: still ? 'reduce' : 'no-preference',
      locale: 'en-GB',
      ...(options.headers !== undefined && { extraHTTPHeaders: { ...options.headers } }),
    });
    try {
      const watch = new PageWatch(context, url, options);
      const page = await context.newPage();
      page.setDefaultTimeout(PAGE_DEADLINE_MS);
      await page.goto(url);
      await use(page);
      watch.assertClean();
    } finally {
      await context.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
  }
}

/** Chromium's words for a server that is not there, or goes while it answers. */
const SERVER_GONE =
  /net::ERR_(CONNECTION_(REFUSED|RESET|CLOSED)|EMPTY_RESPONSE|INCOMPLETE_CHUNKED_ENCODING|FAILED|ABORTED)/;

/** Collects what goes wrong in the pages of a context. */
class PageWatch {
  readonly #faults: string[] = [];

  constructor(context: BrowserContext, url: string, { servers = [], serversMayGo, refusals }: VisitOptions) {
    const known = new Set([url, ...servers].map((each) => new URL(each).origin));
    context.on('request', (request) => {
      const { origin, protocol } = new URL(request.url());
      if (/^https?:$/.test(protocol) && !known.has(origin))
        this.#faults.push(`asked a foreign server: ${request.url()}`);
    });
    context.on('console', (message) => {
      if (message.type() !== 'error' && message.type() !== 'warning') return;
      if (serversMayGo && SERVER_GONE.test(message.text())) return;
      if (refusals && /status of (401|403|404|409|503)/.test(message.text())) return;
      this.#faults.push(`${message.type()} on the console: ${message.text()} (${message.location().url})`);
    });
    context.on('weberror', (error) => this.#faults.push(`an error that nothing caught: ${error.error().stack}`));
  }

  assertClean(): void {
    assert.deepEqual(this.#faults, []);
  }
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface AxeResults {
  readonly violations: readonly {
    readonly id: string;
    readonly help: string;
    readonly nodes: readonly { readonly target: readonly unknown[]; readonly failureSummary?: string }[];
  }[];
}

/**
 * Audits the page as it stands with axe-core: WCAG A and AA, and its best practices. There may be nothing to object.
 * @param what says which page that is, when there is
 */
export async function assertAccessible(page: Page, what = page.url()): Promise<void> {
  // Through the debugger: the content security policy lets no foreign script into the page, and is tested as it is.
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() =>
    (globalThis as unknown as { axe: { run: () => Promise<AxeResults> } }).axe.run(),
  );
  const found = violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${help}: ${target.join(' ')}: ${failureSummary}`),
  );
  assert.deepEqual(found, [], what);
}
