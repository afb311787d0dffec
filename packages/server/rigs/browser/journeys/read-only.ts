import assert from 'node:assert/strict'
import type { Setting } from '../setting.ts'
import { Visitor } from '../visitor.ts'

/** Who may only look sees everything, is told why controls are off, and is refused by the service too. Source: portal G3, 13 */
export async function readOnly({ browser, stage, world, seen }: Setting): Promise<void> {
  const visitor = await Visitor.enter(browser, stage.url, { seen })
  const { page } = visitor
  await visitor.signIn(await stage.link(world.account, { readOnly: true }))
  await visitor.open(`/portal/a/${world.account}/log`)
  await page.locator('[data-row-link]').first().waitFor()
  const replay = page.getByRole('button', { name: 'Replay…' })
  assert.equal(await replay.getAttribute('aria-disabled'), 'true')
  await visitor.open(`/portal/a/${world.account}/events/${world.event}`)
  const send = page.getByRole('button', { name: /Retry now|Replay|Send to this endpoint/ }).first()
  assert.equal(await send.getAttribute('aria-disabled'), 'true')
  await send.focus()
  await page.getByText('Your role does not include the right to send and replay').first().waitFor()
  await page.goto(`/portal/a/${world.account}/endpoints/new`)
  await page.getByText('Not for your role').waitFor()

  const status = await page.evaluate<number>(`(async () => {
    const answer = await fetch('/portal/session/token', {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}'
    })
    const { token } = await answer.json()
    const refused = await fetch('/api/v1/app/${world.account}/replay/preview', {
      method: 'POST',
      headers: { authorization: 'Bearer ' + token, 'content-type': 'application/json' },
      body: JSON.stringify({ kind: 'recover' }),
    })
    return refused.status
  })()`)
  assert.equal(status, 403, 'the service lets somebody replay who may only look')
  await visitor.leave()
}
