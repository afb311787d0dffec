import type { Page } from 'playwright-core'
import type { Screen } from './screens.ts'
import { FORCED_HEADER, type Visitor } from './visitor.ts'

const REQUEST_ID = 'req_forced'
const NOTHING = { data: [], iterator: null, prevIterator: null, done: true }

/** An answer that a stub gives; null: none ever comes. */
type Answer = { status: number; json: object } | null
const EMPTY: Answer = { status: 200, json: NOTHING }
const REFUSED: Answer = { status: 500, json: { code: 'server_error', detail: 'Forced.' } }

/** States of a list that a stub brings about, and what the page shows then; the service itself never fails on demand. Source: portal G3 */
const STATES: readonly { name: string; answer: Answer; shows: readonly string[]; ofFilter?: true }[] = [
  { name: 'loading', answer: null, shows: ['[role="status"][aria-label="Loading"]'] },
  { name: 'first use', answer: EMPTY, shows: ['main h2'] },
  { name: 'no match', answer: EMPTY, shows: ['[data-listing] button:text("Clear filters")'], ofFilter: true },
  {
    name: 'failed',
    answer: REFUSED,
    shows: ['[role="alert"] button:text("Retry")', `[role="alert"] code:text("${REQUEST_ID}")`],
  },
]

/** @param look  at each of them @returns what does not hold */
export async function showStates(
  visitor: Visitor,
  { name, list, filter, isLive, hasRows }: Screen,
  path: string,
  look: (state: string) => Promise<void>,
): Promise<string[]> {
  if (!list) return []
  const faults: string[] = []
  const { page } = visitor
  const shown = async (state: string, selectors: readonly string[]) => {
    for (const selector of selectors)
      if ((await page.locator(selector).count()) === 0) faults.push(`${name}, ${state}: there is no ${selector}`)
  }
  for (const { name: state, answer, shows, ofFilter } of STATES) {
    if (ofFilter && filter === undefined) continue
    const stop = await force(visitor, list, answer)
    await page.goto(ofFilter ? `${path}${path.includes('?') ? '&' : '?'}${filter}` : path)
    await page.locator('h1').first().waitFor()
    if (answer !== null) await visitor.settled()
    await shown(state, shows)
    await look(state)
    await stop()
  }
  if (isLive) {
    await visitor.open(path)
    const stop = await force(visitor, list, REFUSED)
    await page.evaluate(RESYNC)
    const stale = page.getByText(/^As of [0-9:]{8} UTC, reconnecting/).first()
    await stale.waitFor()
    if (hasRows) await shown('stale', ['[data-row-link]'])
    await look('stale')
    await stop()
  }
  return faults
}

/** As the service says when it cannot tell what was missed: what is shown is read anew. */
const RESYNC = `new BroadcastChannel('psapi-live ' + location.pathname.split('/')[3])
  .postMessage({ message: { type: 'resync', data: null, id: null } })`

/** Answers reads of the list from now on. @returns how to end that */
async function force({ page }: Visitor, list: RegExp, answer: Answer): Promise<() => Promise<void>> {
  const isList = (url: URL) => /^\/(api\/)?v1\//.test(url.pathname) && list.test(url.pathname)
  await page.route(isList, async (route) => {
    if (route.request().method() !== 'GET') return await route.continue()
    if (answer === null) return
    // a moment, so that what is asked for thrice has failed soon
    const headers = { [FORCED_HEADER]: 'yes', 'x-request-id': REQUEST_ID, 'retry-after': '0.01' }
    await route.fulfill({ ...answer, headers })
  })
  return async () => await page.unrouteAll({ behavior: 'ignoreErrors' })
}

/** A browser that is short of time loses one now and then; what is no link opens none, however often it is clicked. */
const CLICKS_MAX = 3
const TAB_MS_MAX = 4_000

/** Rows are links: a middle click, and a click with Ctrl, open a tab. Source: portal G2 */
export async function opensTabs(visitor: Visitor, { name, hasRows }: Screen): Promise<string[]> {
  const { page, context } = visitor
  await visitor.resize(1440, 900)
  const row = page.locator('[data-row-link]').first()
  if ((await row.count()) === 0) return hasRows ? [`${name}: has no row to open`] : []
  const faults = hasRows ? [] : [`${name}: has rows that nothing says of`]
  for (const [what, click] of [
    ['a middle click', () => row.click({ button: 'middle' })],
    ['Ctrl and a click', () => row.click({ modifiers: ['Control'] })],
  ] as const) {
    let tab: Page | undefined
    for (let tries = 0; tries < CLICKS_MAX && !tab; tries += 1) {
      const opened = context.waitForEvent('page', { timeout: TAB_MS_MAX }).catch(() => undefined)
      await click()
      tab = await opened
    }
    if (!tab) faults.push(`${name}: ${what} on a row opens no tab`)
    await tab?.close()
  }
  return faults
}
