import assert from 'node:assert/strict'
import { HOSTILE } from '../hostile.ts'
import type { Setting } from '../setting.ts'
import { Visitor } from '../visitor.ts'

/** What was stored is shown as it was written, and nothing of it is run, followed or loaded. Source: portal G18 */
export async function hostileStrings({ browser, stage, world, seen }: Setting): Promise<void> {
  const visitor = await Visitor.enter(browser, stage.url, { seen })
  const { page } = visitor
  await visitor.signIn(await stage.link(world.account))
  const before = seen.cspReports.length + seen.foreignRequests.length
  await visitor.open(`/portal/a/${world.account}/events/${world.hostileEvent}`)
  await page.getByRole('radio', { name: 'Raw' }).click()
  const shown = (await page.locator('pre').first().innerText()).replaceAll(/\s+/g, '')
  for (const text of HOSTILE) {
    const written = JSON.stringify(text).replaceAll(/\s+/g, '')
    assert.ok(shown.includes(written), `not shown as it was written: ${text}`)
  }
  await page.getByRole('radio', { name: 'Tree' }).click()
  await page.locator('code', { hasText: 'onerror' }).or(page.getByText('onerror')).first().waitFor()
  await visitor.open(`/portal/a/${world.account}/endpoints/${world.disabled}`)
  await visitor.open(`/portal/a/${world.account}/log?q=${encodeURIComponent(HOSTILE[0] ?? '')}`)
  await visitor.open(`/portal/a/${world.account}/catalog/test.happened`)
  await visitor.open(`/portal/a/${world.account}/events/${world.event}?attempt=${world.attempts[0]}`)
  assert.equal(await page.evaluate('window.pwned ?? null'), null, 'a stored string was run')
  assert.equal(seen.cspReports.length + seen.foreignRequests.length, before, 'a stored string asked for something')
  await visitor.leave()
}
