import assert from 'node:assert/strict'
import type { CDPSession, Page } from 'playwright-core'
import type { Setting } from '../setting.ts'
import type { Stage } from '../stage.ts'
import { Visitor } from '../visitor.ts'
import { until } from '../world.ts'

/** In order: the first event that fails holds up all behind it, so that nothing of them is sent while they are looked at. */
const ENDPOINTS = 6
const EVENTS = 100
const PAGE_ROWS = 50
const SECONDS_TO_NEXT_TRY = 86_400
const FIRST = 'test.happened'
const LATER = 'test.followed'

/**
 * Many deliveries come while somebody is at a row: nothing moves, and they wait until they are asked for. What the service could
 * not look through in one go is looked through further; and a page that is left open stays as small as it was. Source: portal G6,
 * 12; docs/decisions/0073
 */
export async function manyChanges({ browser, stage, seen }: Setting): Promise<void> {
  const receiver = stage.receiver(8)
  receiver.reset()
  receiver.answer(503)
  const account = await stage.make('/api/v1/app', { name: 'Many Changes' })
  const path = `/api/v1/app/${account}`
  const settings = { ordering: 'fifo', retrySchedule: [SECONDS_TO_NEXT_TRY] }
  for (let number = 1; number <= ENDPOINTS; number += 1)
    await stage.make(`${path}/endpoint`, {
      url: `${receiver.url}/${number}`,
      description: `No. ${number}`,
      ...settings,
    })
  await stage.ok('POST', '/api/v1/event-type', { name: LATER, description: 'Later' }, { token: stage.keys.sandbox })
  await stage.make(`${path}/msg`, { eventType: FIRST, payload: {} })
  await until('all endpoints have failed', async () => {
    const failed = await stage.idsOf(`${path}/delivery?state=retrying&type=${FIRST}`)
    return failed.length === ENDPOINTS || undefined
  })

  const visitor = await Visitor.enter(browser, stage.url, { seen })
  await visitor.signIn(await stage.link(account))
  const log = `/portal/a/${account}/log`
  await visitor.open(`${log}?test=false`)
  await holdStill(visitor.page, stage, path)
  await lookOn(visitor, log)
  await holdOther(visitor, stage, account, receiver.url)
  await stayOpen(visitor, stage, account, log)
  await visitor.leave()
}

/** Source: portal G6 */
async function holdStill(page: Page, stage: Stage, path: string): Promise<void> {
  await page
    .getByRole('status')
    .filter({ hasText: /^Live$/ })
    .waitFor()
  await page
    .locator('[data-row-link]')
    .nth(ENDPOINTS - 1)
    .waitFor()
  await page.keyboard.press('j')
  await page.keyboard.press('j')
  await page.locator('[data-row-link]:focus').waitFor()
  const before = await standing(page)
  assert.equal(before.focused, 1)
  await Promise.all(
    Array.from({ length: EVENTS }, async (_, number) => {
      await stage.make(`${path}/msg`, { eventType: LATER, payload: { number } })
    }),
  )
  // in what is read out by itself
  const fresh = page.locator('[aria-live="polite"]').getByRole('button', { name: `${PAGE_ROWS}+ new events` })
  await fresh.waitFor()
  await page.getByText(`${ENDPOINTS * (EVENTS + 1)} matching`).waitFor()
  assert.deepEqual(await standing(page), before, 'something has moved under the focus')
  await fresh.focus()
  await page.keyboard.press('Enter')
  await fresh.waitFor({ state: 'detached' })
  const rows = page.locator('[data-pick]')
  await until('the newest are shown', async () => (await rows.count()) === PAGE_ROWS || undefined)
}

/** So does every list that is read again by itself. Source: portal G6; docs/decisions/0082 */
async function holdOther({ page }: Visitor, stage: Stage, account: string, url: string): Promise<void> {
  await page.goto(`/portal/a/${account}/endpoints`)
  const rows = page.locator('[data-row-link]')
  await rows.nth(ENDPOINTS - 1).waitFor()
  await page.keyboard.press('j')
  const places = `[...document.querySelectorAll('[data-row]')].map((row) => [row.dataset.row, row.getBoundingClientRect().top])`
  const before = await page.evaluate(places)
  const settings = { url: `${url}/new`, eventTypes: ['producersync.updates_available'], disabled: true }
  await stage.make(`/api/v1/app/${account}/endpoint`, settings)
  const wait = page.locator('[aria-live="polite"]').getByRole('button', { name: 'Show 1 change' })
  await wait.waitFor()
  assert.deepEqual(await page.evaluate(places), before, 'a row has come by itself')
  await wait.focus()
  await page.keyboard.press('Enter')
  await rows.nth(ENDPOINTS).waitFor()
}

/** Which rows stand where, and which of them has the focus. */
async function standing(page: Page): Promise<{ rows: unknown; focused: number }> {
  return await page.evaluate(`(() => {
    const links = [...document.querySelectorAll('[data-row-link]')]
    const rows = links.map((link) => [link.closest('tr').querySelector('[data-pick]').dataset.pick, link.getBoundingClientRect().top])
    return { rows, focused: links.indexOf(document.activeElement) }
  })()`)
}

/** More wait than a page looks through, and none of those is of the type that is sought: it says so, and looks on. */
async function lookOn({ page }: Visitor, log: string): Promise<void> {
  const rows = page.locator('[data-pick]')
  await page.getByLabel('State', { exact: true }).selectOption('delivered')
  await page.getByText('No delivery matches').waitFor()
  await page.goto(`${log}?state=waiting,retrying&test=false&type=${FIRST}`)
  await page.getByRole('heading', { name: 'None found yet' }).waitFor()
  assert.equal(await rows.count(), 0)
  await page.getByRole('button', { name: 'Search older ones' }).click()
  await until('those that were further back', async () => (await rows.count()) === ENDPOINTS || undefined)
  await page.getByRole('button', { name: '‹ Newer' }).click()
  await page.getByRole('heading', { name: 'None found yet' }).waitFor()
}

type ListPage = { data: { id: string; msgId: string }[] }

const SECONDS = 50
const WARM_SECONDS = 10
/** A row weighs more than it does, so that rows that are kept, 5 MB, are told from what compiled code and caches take. */
const WEIGHT = 2_000
/** Of an hour's 20 MB, beside that. Source: portal 12 */
const GROWTH_MB_MAX = (20 * SECONDS) / 3_600 + 1.5
const NODES_MAX = 5_000

/**
 * A part of the page's hour: each second it reads 50 deliveries that it does not know yet, and now and then somebody has them
 * shown. The seconds follow each other as fast as the page is.
 */
async function stayOpen({ page, context }: Visitor, stage: Stage, account: string, log: string): Promise<void> {
  await page.goto(log)
  await page
    .locator('[data-pick]')
    .nth(PAGE_ROWS - 1)
    .waitFor()
  const key = { token: stage.keys.sandbox }
  const answer: ListPage = await stage.ok('GET', `/api/v1/app/${account}/delivery?limit=${PAGE_ROWS}`, undefined, key)
  let read = 0
  const isList = (url: URL | string) => new URL(url).pathname.endsWith('/delivery')
  await page.route(isList, async (route) => {
    read += 1
    const data = answer.data.map((row, index) => {
      const msgId = `msg_${String(read * PAGE_ROWS + index).padStart(27, '0')}`
      return { ...row, msgId, id: row.id.replace(row.msgId, msgId), weight: 'x'.repeat(WEIGHT) }
    })
    await route.fulfill({ json: { ...answer, data } })
  })
  await page.route('**/delivery/count?*', async (route) => await route.fulfill({ json: { count: read, capped: true } }))
  // a browser notes each request for whoever asks, up to a number of them
  await page.evaluate('performance.setResourceTimingBufferSize(0)')
  await page.evaluate(`window.others = new BroadcastChannel('psapi-live ${account}')`)
  const fresh = page.getByRole('button', { name: `${PAGE_ROWS}+ new events` })
  const live = async (seconds: number) => {
    for (let second = 1; second <= seconds; second += 1) {
      await Promise.all([
        page.waitForResponse((answer) => isList(answer.url())),
        page.evaluate(`others.postMessage({ message: { type: 'resync', data: null, id: null } })`),
      ])
      if (second % 10 === 0) await fresh.click()
    }
  }
  const devTools = await context.newCDPSession(page)
  await live(WARM_SECONDS)
  const before = await sizeOf(devTools)
  await live(SECONDS)
  const after = await sizeOf(devTools)
  const grown = (after.heapBytes - before.heapBytes) / 1_000_000
  assert.ok(grown <= GROWTH_MB_MAX, `the heap has grown by ${grown.toFixed(1)} MB in ${SECONDS} s of changes`)
  assert.ok(after.nodes <= NODES_MAX, `${after.nodes} nodes`)
  assert.ok(after.listeners <= 2 * before.listeners, `${before.listeners} listeners have become ${after.listeners}`)
  await page.unrouteAll({ behavior: 'ignoreErrors' })
}

/** Of what is left when everything is cleared away that can be. */
async function sizeOf(devTools: CDPSession): Promise<{ heapBytes: number; nodes: number; listeners: number }> {
  await devTools.send('HeapProfiler.collectGarbage')
  const { usedSize } = await devTools.send('Runtime.getHeapUsage')
  const { nodes, jsEventListeners } = await devTools.send('Memory.getDOMCounters')
  return { heapBytes: usedSize, nodes, listeners: jsEventListeners }
}
