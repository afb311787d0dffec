import assert from 'node:assert/strict'
import type { Setting } from '../setting.ts'
import { Visitor } from '../visitor.ts'

/** From the home page to an attempt and back, without a pointer. Source: portal G7, 9 */
export async function keyboard({ browser, stage, world, seen }: Setting): Promise<void> {
  const visitor = await Visitor.enter(browser, stage.url, { seen })
  const { page } = visitor
  const focused = async (what: string) =>
    await page.evaluate<boolean>(`document.activeElement?.matches('${what}') ?? false`)
  await visitor.signIn(await stage.link(world.account))
  await visitor.settled()
  await page.keyboard.press('g')
  await page.keyboard.press('l')
  await page.waitForURL('**/log')
  await page.locator('[data-row-link]').first().waitFor()
  assert.ok(await focused('h1'), 'after a navigation the focus is not on the title')
  await page.keyboard.press('j')
  assert.ok(await focused('[data-row-link]'), 'j does not lead to a row')
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
  assert.ok(await focused('a[href*="attempt="]'), 'the focus does not go back to the attempt')
  await page.keyboard.press('?')
  await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor()
  await visitor.leave()
}
