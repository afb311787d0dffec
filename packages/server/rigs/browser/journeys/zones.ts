import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import type { Setting } from '../setting.ts'
import { Visitor } from '../visitor.ts'
import { until } from '../world.ts'

const ZONES = ['America/New_York', 'Asia/Kolkata', 'Pacific/Kiritimati'] as const
const HOUR_MS = 3_600_000

/** The same moments in every zone, each with its zone's name; a chosen period stays the same two moments. Source: portal G4 */
export async function zones({ browser, stage, world, seen }: Setting): Promise<void> {
  const period = `from=${new Date(Date.now() - HOUR_MS).toISOString().slice(0, 16)}:00Z`
  const found: { moments: string[]; shown: string[] }[] = []
  for (const zone of ZONES) {
    const visitor = await Visitor.enter(browser, stage.url, { seen, zone })
    const { page } = visitor
    await visitor.signIn(await stage.link(world.account))
    await visitor.open(`/portal/a/${world.account}/events/${world.event}`)
    const facts = page.locator('dl time')
    await facts.first().waitFor()
    const moments = await page.evaluate<string[]>(
      `[...document.querySelectorAll('dl time')].map(({ dateTime }) => dateTime)`,
    )
    found.push({ moments, shown: await facts.allInnerTexts() })
    if (zone === ZONES[0]) await copyMoment(page, moments[0] ?? '')

    await visitor.open(`/portal/a/${world.account}/log?${period}`)
    await page.locator('[data-row-link]').first().waitFor()
    const rows = await page.locator('[data-row-link]').count()
    await page.keyboard.press('u')
    await page.getByRole('button', { name: 'Time zone: UTC, UTC' }).waitFor()
    assert.ok(page.url().includes(period), `the period has changed with the zone: ${page.url()}`)
    assert.equal(await page.locator('[data-row-link]').count(), rows, 'another zone shows other rows')
    await visitor.leave()
  }
  await themeAtOnce({ browser, stage, seen })
  const [first, ...others] = found
  for (const { moments, shown } of others) {
    assert.deepEqual(moments, first?.moments, 'a zone has changed a moment')
    assert.notDeepEqual(shown, first?.shown, 'two zones are shown alike')
  }
  assert.match(first?.shown[0] ?? '', /E[SD]T/)
  assert.match(found[1]?.shown[0] ?? '', /IST|GMT[+]5:30/)
  assert.match(found[2]?.shown[0] ?? '', /GMT[+]14/)
}

/** Whoever comes to a time by keys reads it in UTC, with its age; and that is what is copied. Source: portal G4 */
async function copyMoment(page: Page, moment: string): Promise<void> {
  await page.locator('dl time').first().focus()
  for (const key of ['Shift+Tab', 'Tab']) await page.keyboard.press(key)
  await page.locator('#tip').getByText(moment).waitFor()
  assert.match(
    await page.locator('#tip').innerText(),
    /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z\n\d+ (s|min|h) ago$/,
  )
  await page.keyboard.press('Control+c')
  assert.equal(await page.evaluate('navigator.clipboard.readText()'), moment, 'something else is copied')
}

/** The canvas in the dark. Source: portal 8 */
const DARK_CANVAS = 'rgb(14, 21, 20)'

/** A theme that was chosen is there before any module of the page has come: nothing flashes. Source: portal G15 */
async function themeAtOnce({ browser, stage, seen }: Pick<Setting, 'browser' | 'stage' | 'seen'>): Promise<void> {
  const visitor = await Visitor.enter(browser, stage.url, { seen, scheme: 'light' })
  const { page } = visitor
  await visitor.open('/portal/expired')
  await page.evaluate(`localStorage.setItem('psapi.theme', 'dark')`)
  await page.route('**/assets/index-*.js', () => {})
  await page.goto('/portal/expired', { waitUntil: 'commit' })
  await until('the chosen theme', async () => {
    const canvas = await page.evaluate<string>('getComputedStyle(document.documentElement).backgroundColor')
    return canvas === DARK_CANVAS || undefined
  })
  assert.equal(await page.locator('h1').count(), 0, 'the page was drawn before')
  await page.unrouteAll({ behavior: 'ignoreErrors' })
  await visitor.leave()
}
