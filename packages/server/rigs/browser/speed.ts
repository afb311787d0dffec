import { measureDryRuns } from './dry-runs.ts'
import { SCREENS } from './screens.ts'
import type { Setting } from './setting.ts'
import { Visitor } from './visitor.ts'
import { weighPages } from './weight.ts'

const SLOWDOWN = 4
const MEASURED = ['home', 'log', 'event']
const OBSERVE = `
  window.vitals = { lcpMs: 0, inpMs: 0, cls: 0 }
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) vitals.lcpMs = Math.max(vitals.lcpMs, entry.startTime)
  }).observe({ type: 'largest-contentful-paint', buffered: true })
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) vitals.cls += entry.value
  }).observe({ type: 'layout-shift', buffered: true })
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (entry.interactionId) vitals.inpMs = Math.max(vitals.inpMs, entry.duration)
  }).observe({ type: 'event', buffered: true, durationThreshold: 16 })`

/** Loads the three screens that people open most on a slow machine, and uses them; and weighs what the first one loads. */
export async function measureSpeed({ browser, stage, world, seen, report }: Setting): Promise<void> {
  const visitor = await Visitor.enter(browser, stage.url, { seen })
  const { page } = visitor
  await visitor.signIn(await stage.link(world.account))
  await visitor.settled()
  await page.addInitScript(OBSERVE)
  const devTools = await visitor.context.newCDPSession(page)
  await devTools.send('Network.setCacheDisabled', { cacheDisabled: true })
  await devTools.send('Emulation.setCPUThrottlingRate', { rate: SLOWDOWN })
  const weighing: Promise<{ responseBodySize: number }>[] = []
  page.on('requestfinished', (request) => {
    if (request.resourceType() !== 'script') return
    weighing.push(request.sizes())
  })
  const worst = { lcpMs: 0, inpMs: 0, cls: 0 }
  for (const name of MEASURED) {
    const screen = SCREENS.find((each) => each.name === name)
    if (!screen) continue
    await visitor.open(screen.path(world))
    if (name === 'home') {
      const scripts = await Promise.all(weighing)
      const scriptBytes = scripts.reduce((sum, { responseBodySize }) => sum + responseBodySize, 0)
      report.firstRouteKbGzip = round(scriptBytes / 1_000)
    }
    await page.keyboard.press('u')
    await page.keyboard.press('j')
    await page.locator('nav a').first().hover()
    const vitals = await page.evaluate<typeof worst>('new Promise((done) => setTimeout(() => done(vitals), 300))')
    worst.lcpMs = Math.max(worst.lcpMs, vitals.lcpMs)
    worst.inpMs = Math.max(worst.inpMs, vitals.inpMs)
    worst.cls = Math.max(worst.cls, vitals.cls)
  }
  report.lcpMs = Math.round(worst.lcpMs)
  report.inpMs = Math.round(worst.inpMs)
  report.cls = Math.round(worst.cls * 1_000) / 1_000
  report.payloadMs = await openLargePayload({ stage, world }, visitor)
  report.liveMs = await hearOf({ stage, world }, visitor)
  Object.assign(report, await weighPages(), await measureDryRuns(stage))
  await visitor.leave()
}

/** At the machine's own speed. Source: portal G11 */
async function openLargePayload({ stage, world }: Pick<Setting, 'stage' | 'world'>, visitor: Visitor): Promise<number> {
  const rows = Array.from({ length: ROWS }, (_, index) => ({
    index,
    npn: '15645555',
    state: 'TX',
    note: 'x'.repeat(NOTE),
  }))
  const body = { eventType: 'test.happened', payload: { rows } }
  const event = await stage.make(`/api/v1/app/${world.account}/msg`, body)
  const { page } = visitor
  const devTools = await visitor.context.newCDPSession(page)
  await devTools.send('Emulation.setCPUThrottlingRate', { rate: 1 })
  await page.addInitScript(WHEN_TREE)
  const openings: number[] = []
  while (openings.length < OPENINGS) {
    await visitor.open(`/portal/a/${world.account}/events/${event}`)
    await page.getByRole('radio', { name: 'Tree' }).waitFor()
    const ms = await page.evaluate<number>(`new Promise((done) => {
      const look = () => {
        if (window.treeAt === undefined) return setTimeout(look, 10)
        const [payload] = performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('/msg/${event}'))
        done(treeAt - payload.responseEnd)
      }
      look()
    })`)
    openings.push(ms)
  }
  return Math.round(Math.min(...openings)) // what else the machine does only ever adds to it
}

/** How soon the log tells of an event that is delivered. Source: portal 10 */
async function hearOf({ stage, world }: Pick<Setting, 'stage' | 'world'>, visitor: Visitor): Promise<number> {
  const { page } = visitor
  await visitor.open(`/portal/a/${world.account}/log?endpoint=${world.healthy}`)
  await page
    .getByRole('status')
    .filter({ hasText: /^Live$/ })
    .waitFor()
  const fresh = page.getByRole('button', { name: /new events?$/ })
  const heard: number[] = []
  while (heard.length < EVENTS) {
    const body = { eventType: 'test.happened', payload: { heard: heard.length } }
    const sentAt = performance.now()
    await stage.make(`/api/v1/app/${world.account}/msg`, body)
    await fresh.waitFor()
    heard.push(performance.now() - sentAt)
    await fresh.click()
    await fresh.waitFor({ state: 'detached' })
  }
  return Math.round(heard.toSorted((one, other) => one - other)[Math.floor(EVENTS / 2)] ?? Number.NaN)
}

const EVENTS = 3
const OPENINGS = 3
const ROWS = 2_000
const NOTE = 60
const WHEN_TREE = `
  new MutationObserver((_, observer) => {
    if (!document.querySelector('[role="radio"][data-id="tree"]')) return
    observer.disconnect()
    requestAnimationFrame(() => setTimeout(() => { window.treeAt = performance.now() }))
  }).observe(document, { childList: true, subtree: true })`

function round(value: number): number {
  return Math.round(value * 10) / 10
}
