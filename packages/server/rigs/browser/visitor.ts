import { readFileSync } from 'node:fs'
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core'

export type Scheme = 'light' | 'dark'

/** What a page did that no page may. */
export type Seen = { consoleErrors: string[]; cspReports: string[]; foreignRequests: string[]; serverErrors: string[] }

const AXE = readFileSync(new URL(import.meta.resolve('axe-core/axe.min.js')), 'utf8')
const AXE_RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']
const COLOUR_RULES = { type: 'rule', values: ['color-contrast', 'link-in-text-block'] }
/** The browser says this of each answer that is no 2xx; refusals are part of what is tried here. */
const REFUSED = /^Failed to load resource/
/** Of answers that a stub gives. */
export const FORCED_HEADER = 'x-forced'
const WAIT_MS_MAX = 30_000

type AxeResult = { violations: { id: string; help: string; nodes: { target: string[]; failureSummary?: string }[] }[] }

/** Somebody with a browser of their own. */
export class Visitor {
  readonly page: Page
  readonly context: BrowserContext
  readonly seen: Seen

  private constructor(context: BrowserContext, page: Page, seen: Seen) {
    this.context = context
    this.page = page
    this.seen = seen
  }

  /** @param url  where the service is reached; requests to anywhere else are stopped and noted */
  static async enter(
    browser: Browser,
    url: string,
    options: {
      width?: number
      height?: number
      scheme?: Scheme
      zone?: string
      seen?: Seen
      /** Origins beside the service's that may be asked. */
      others?: readonly string[]
    } = {},
  ): Promise<Visitor> {
    const { width = 1440, height = 900, scheme = 'light', zone = 'America/New_York' } = options
    const context = await browser.newContext({
      baseURL: url,
      viewport: { width, height },
      colorScheme: scheme,
      reducedMotion: 'reduce',
      timezoneId: zone,
      locale: 'en-US',
      permissions: ['clipboard-read', 'clipboard-write'],
    })
    context.setDefaultTimeout(WAIT_MS_MAX)
    const seen = options.seen ?? { consoleErrors: [], cspReports: [], foreignRequests: [], serverErrors: [] }
    await context.exposeBinding('reportViolation', (_source, text: string) => void seen.cspReports.push(text))
    await context.addInitScript(
      `addEventListener('securitypolicyviolation', (event) =>
        reportViolation(event.violatedDirective + ' ' + event.blockedURI + ' at ' + location.pathname))`,
    )
    await context.route(
      (asked) =>
        ![new URL(url).origin, ...(options.others ?? [])].includes(asked.origin) &&
        asked.protocol !== 'data:' &&
        asked.protocol !== 'blob:',
      async (route) => {
        seen.foreignRequests.push(route.request().url())
        await route.abort()
      },
    )
    context.on('page', (page) => watch(page, seen))
    return new Visitor(context, await context.newPage(), seen)
  }

  /** Follows a login link and comes in. @param press  the button that lets in; by default it is clicked */
  async signIn(link: string, press = (button: Locator) => button.click()): Promise<void> {
    const { pathname, search, hash } = new URL(link)
    await this.page.goto(`${pathname}${search}${hash}`)
    await press(this.page.getByRole('button', { name: 'Continue' }))
    await this.page.waitForURL((url) => !url.pathname.endsWith('/login'))
    // the address changes before the screen does
    await this.page.getByRole('heading', { level: 1, name: 'Sign in', exact: true }).waitFor({ state: 'detached' })
  }

  /** Opens a screen and waits until it is whole: its heading is there, and nothing says that it is still loading. */
  async open(path: string): Promise<void> {
    await this.page.goto(path)
    await this.settled()
  }

  async settled(): Promise<void> {
    await this.page.locator('h1').first().waitFor()
    // by a locator: what is waited for as a function would be evaluated from text, which the policy forbids
    await this.page.locator('[role="status"][aria-label="Loading"]').first().waitFor({ state: 'detached' })
    await this.page.evaluate('document.fonts.ready.then(() => undefined)')
  }

  /** Makes the page as large, and waits until it is drawn so: what a script arranges by the width follows a frame later. */
  async resize(width: number, height: number): Promise<void> {
    await this.page.setViewportSize({ width, height })
    await this.page.evaluate('new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))')
  }

  /** What the screen says has failed, or is not there; null when it says nothing of that kind. */
  async errorShown(): Promise<string | null> {
    const title = await this.page.locator('h1').first().innerText()
    if (/not found/i.test(title)) return title
    const alert = this.page.locator('[role="alert"]').filter({ hasText: /./ }).first()
    return (await alert.count()) > 0 ? (await alert.innerText()).replaceAll(/\s+/g, ' ').slice(0, 160) : null
  }

  /** The lines of the file that is saved when this is done. */
  async linesOfDownload(act: () => Promise<void>): Promise<string[]> {
    const [download] = await Promise.all([this.page.waitForEvent('download'), act()])
    const chunks: Buffer[] = []
    for await (const chunk of await download.createReadStream()) chunks.push(chunk as Buffer)
    return Buffer.concat(chunks).toString().trimEnd().split('\r\n')
  }

  /** The service does what it is asked for by this act, and its answer is lost. Source: portal G13 */
  async losingAnswer(path: string, act: () => Promise<void>): Promise<void> {
    const { promise: lost, resolve: lose } = Promise.withResolvers<void>()
    await this.page.route(path, async (route) => {
      await route.fetch()
      await route.abort()
      lose()
    })
    await act()
    await lost
    await this.page.unroute(path)
  }

  /** What axe finds, a line each. @param isOnlyOfColours  all else has been looked at in another theme */
  async axe({ isOnlyOfColours = false } = {}): Promise<string[]> {
    if (!(await this.page.evaluate<boolean>('typeof axe !== "undefined"'))) await this.page.evaluate(AXE)
    const { violations } = await this.page.evaluate<AxeResult>(
      `axe.run(document, { resultTypes: ['violations'], runOnly: ${JSON.stringify(isOnlyOfColours ? COLOUR_RULES : AXE_RULES)} })`,
    )
    return violations.flatMap(({ id, help, nodes }) =>
      nodes.map(
        ({ target, failureSummary = '' }) => `${id} (${help}): ${target.join(' ')} ${reasonOf(failureSummary)}`,
      ),
    )
  }

  async leave(): Promise<void> {
    await this.context.close()
  }
}

function watch(page: Page, seen: Seen): void {
  page.on('console', (message) => {
    if (message.type() === 'error' && !REFUSED.test(message.text())) seen.consoleErrors.push(message.text())
  })
  page.on('pageerror', (error) => seen.consoleErrors.push(error.stack ?? error.message))
  page.on('response', (response) => {
    if (response.status() >= 500 && !(FORCED_HEADER in response.headers()))
      seen.serverErrors.push(`${response.status()} ${new URL(response.url()).pathname}`)
  })
}

function reasonOf(summary: string): string {
  return summary.replaceAll(/\s+/g, ' ').slice(0, 200)
}
