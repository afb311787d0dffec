import assert from 'node:assert/strict'
import type { Setting } from '../setting.ts'
import { Visitor } from '../visitor.ts'

const WAIT_MS_MAX = 45_000

/** The service starts anew while a page is open: the page says so, goes on by itself, and shows each change once. Source: portal 10 */
export async function restart({ browser, stage, world }: Setting): Promise<void> {
  // answers that did not come, and what the browser says of them, are what is meant to happen here
  const visitor = await Visitor.enter(browser, stage.url)
  const { page } = visitor
  await visitor.signIn(await stage.link(world.account))
  const npn = '912484999'
  await visitor.open(`/portal/a/${world.account}/log?npn=${npn}&from=-24h`)
  const live = (word: string) => page.getByRole('status').filter({ hasText: new RegExp(`^${word}$`) })
  await live('Live').waitFor()
  await stage.restart()
  const body = { eventType: 'test.happened', payload: { npn } }
  const event = await stage.make(`/api/v1/app/${world.account}/msg`, body)
  await live('Live').waitFor({ timeout: WAIT_MS_MAX })
  const row = page.locator(`[data-row-link][href*="${event}"]`)
  const fresh = page.getByRole('button', { name: /new events?$/ })
  await row.or(fresh).first().waitFor({ timeout: WAIT_MS_MAX })
  if ((await row.count()) === 0) await fresh.click()
  await row.first().waitFor()
  const shown = await page.locator('tbody tr').allInnerTexts()
  assert.equal(new Set(shown).size, shown.length, 'a delivery is shown twice')
  await visitor.leave()
}
