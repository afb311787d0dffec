import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { BrowserContext, Page } from 'playwright-core'
import { launchChromium } from '../../packages/server/rigs/browser/chromium.ts'
import { typeOfFile } from '../../packages/server/src/portal/built-pages.ts'
import { DOCS_POLICY } from '../../packages/server/src/portal/docs-pages.ts'
import { htmlPathOf, type Site } from '../site/site.ts'

const ORIGIN = 'https://docs.test'
/** Every second page in the other: all of them in both would take a minute more. */
const LOOKS = [
  { colorScheme: 'light', width: 1440 },
  { colorScheme: 'dark', width: 360 },
] as const
const HTML_BYTES_MAX = 100_000

type Violation = { id: string; nodes: { target: unknown[] }[] }

/**
 * Every page in Chromium, under the policy that it is served with, light and wide or dark and narrow: what axe finds, what the page
 * reports as an error, and a page that is wider than the screen or heavier than 100 kB.
 */
export async function accessibilityFaults({ pages, files }: Site): Promise<string[]> {
  const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
  const byPath = new Map(files.map(({ path, bytes }) => [path, Buffer.from(bytes)]))
  const browser = await launchChromium()
  const faults: string[] = []
  try {
    for (const [look, { colorScheme, width }] of LOOKS.entries()) {
      const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 } })
      await serve(context, byPath)
      const page = await context.newPage()
      page.on('pageerror', ({ message }) => faults.push(`${page.url()}: ${message}`))
      page.on('console', (said) => {
        if (said.type() === 'error') faults.push(`${page.url()}: ${said.text()}`)
      })
      for (const [index, { path }] of pages.entries()) {
        // what surrounds a page is the same on all
        const isWhole = index === 0
        if (!isWhole && index % LOOKS.length !== look) continue
        await page.goto(`${ORIGIN}/docs/${path}`, { waitUntil: 'load' })
        const found = await lookAt(page, source, isWhole ? 'html' : 'main')
        faults.push(...found.map((fault) => `/docs/${path} (${colorScheme}, ${width}): ${fault}`))
      }
      await context.close()
    }
  } finally {
    await browser.close()
  }
  const heavy = pages.filter(({ path }) => (byPath.get(htmlPathOf(path))?.byteLength ?? 0) > HTML_BYTES_MAX)
  return [...faults, ...heavy.map(({ path }) => `/docs/${path}: more than ${HTML_BYTES_MAX} bytes`)]
}

async function serve(context: BrowserContext, files: ReadonlyMap<string, Buffer>): Promise<void> {
  await context.route('**/*', async (route) => {
    const path = new URL(route.request().url()).pathname.replace('/docs/', '')
    const name = [path, htmlPathOf(path)].find((one) => files.has(one)) ?? ''
    const body = files.get(name)
    if (!body) return await route.fulfill({ status: 404 })
    await route.fulfill({ body, contentType: typeOfFile(name), headers: { 'content-security-policy': DOCS_POLICY } })
  })
}

type Axe = { run: (part: string, options: object) => Promise<{ violations: Violation[] }> }

async function lookAt(page: Page, source: string, part: string): Promise<string[]> {
  await page.evaluate(source)
  const { violations, overflow } = await page.evaluate(async (selector) => {
    const { axe } = globalThis as unknown as { axe: Axe }
    const ran = await axe.run(selector, { resultTypes: ['violations'] })
    return { violations: ran.violations, overflow: document.documentElement.scrollWidth - innerWidth }
  }, part)
  return [
    ...violations.map(
      ({ id, nodes }) =>
        `axe ${id}: ${nodes
          .map(({ target }) => target.join(' '))
          .join(', ')
          .slice(0, 300)}`,
    ),
    ...(overflow > 0 ? [`${overflow} px wider than the screen`] : []),
  ]
}
