import type { Setting } from '../setting.ts'
import { Visitor } from '../visitor.ts'

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
  await visitor.leave()
}
