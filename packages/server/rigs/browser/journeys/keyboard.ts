import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import type { Setting } from '../setting.ts'
import { Visitor } from '../visitor.ts'
import { everyKey } from './every-key.ts'

/** From the home page to an attempt and back, without a pointer. Source: portal G7, 9 */
export async function keyboard({ browser, stage, world, seen }: Setting): Promise<void> {
  const visitor = await Visitor.enter(browser, stage.url, { seen })
  const { page } = visitor
  const focused = async (what: string) => await page.locator(`${what}:focus`).waitFor()
  await visitor.signIn(await stage.link(world.account))
  await visitor.settled()
  await page.keyboard.press('g')
  await page.keyboard.press('l')
  // the address changes before the screen does
  await page.getByRole('heading', { level: 1, name: 'Event log' }).waitFor()
  await focused('h1')
  await visitor.settled()
  await page.keyboard.press('j')
  await focused('[data-row-link]')
  await page.keyboard.press('x')
  await page.getByText('1 selected').waitFor()
  await page.keyboard.press('Enter')
  await page.waitForURL('**/events/*')
  await page.getByRole('heading', { level: 1 }).waitFor()
  await visitor.open(`/portal/a/${world.account}/events/${world.event}`)
  const attempt = page.getByRole('link', { name: /Attempt 1/ }).first()
  await attempt.focus()
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await focused('a[href*="attempt="]')
  await page.keyboard.press('?')
  await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor()
  await page.keyboard.press('Escape')
  await everyKey(visitor, stage, world)
  const address = await choosePeriod(visitor, `/portal/a/${world.account}/log`)

  const colleague = await Visitor.enter(browser, stage.url, { seen })
  await colleague.signIn(await stage.link(world.account))
  await colleague.open(address)
  assert.deepEqual(await shown(colleague.page), await shown(page), 'an address shows a colleague something else')
  await Promise.all([visitor.leave(), colleague.leave()])
}

/** Two days and a half, typed. Source: portal G5 @returns the address */
async function choosePeriod(visitor: Visitor, log: string): Promise<string> {
  const { page } = visitor
  await visitor.open(log)
  await page.getByLabel('Period').focus()
  await page.keyboard.press('End')
  const dialog = page.getByRole('dialog', { name: 'Choose a period' })
  const segments = dialog.getByRole('spinbutton')
  const [from, to] = [dayOf(Date.now() - 2 * DAY_MS), dayOf(Date.now() + DAY_MS)]
  for (const [field, { day, month, year }] of [from, to].entries()) {
    await segments.nth(field * SEGMENTS).focus()
    await page.keyboard.type(`${day}${month}${year}0030`)
  }
  await dialog.getByRole('button', { name: 'Apply' }).focus()
  await page.keyboard.press('Enter')
  await dialog.waitFor({ state: 'detached' })
  await page.waitForURL(/from=.*to=/)
  await visitor.settled()
  await page.locator('[data-row-link]').first().waitFor()
  const { from: start, to: end } = Object.fromEntries(new URL(page.url()).searchParams)
  assert.equal(momentWords(start), `${from.day}/${from.month}/${from.year}, 00:30`)
  assert.equal(momentWords(end), `${to.day}/${to.month}/${to.year}, 00:30`)
  return page.url()
}

const DAY_MS = 86_400_000
/** Of one moment: day, month, year, hour, minute. */
const SEGMENTS = 5
const ZONE = 'America/New_York'
const WRITTEN = new Intl.DateTimeFormat('en-GB', {
  ...({ timeZone: ZONE, day: '2-digit', month: '2-digit', year: 'numeric' } as const),
  ...({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const),
})

function dayOf(ms: number): { day: string; month: string; year: string } {
  const [date = ''] = WRITTEN.format(new Date(ms)).split(',')
  const [day = '', month = '', year = ''] = date.split('/')
  return { day, month, year }
}

function momentWords(instant: string | undefined): string {
  return WRITTEN.format(new Date(instant ?? Number.NaN))
}

async function shown(page: Page): Promise<unknown> {
  return await page.evaluate(`({
    rows: [...document.querySelectorAll('[data-row-link]')].map(({ href }) => href),
    period: document.querySelector('select[aria-label="Period"]').selectedOptions[0].textContent,
  })`)
}
