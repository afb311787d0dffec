import assert from 'node:assert/strict'
import type { Setting } from '../setting.ts'
import { Visitor } from '../visitor.ts'

/** What is of one account is nowhere to be seen from another, by whatever address it is asked for. Source: portal S0.7 */
export async function twoAccounts({ browser, stage, world, seen }: Setting): Promise<void> {
  const account = await stage.make('/api/v1/app', { name: 'Contoso Insurance' })
  const visitor = await Visitor.enter(browser, stage.url, { seen })
  const { page } = visitor
  await visitor.signIn(await stage.link(account))
  await page.goto(`/portal/a/${world.account}/log`)
  await page.getByRole('heading', { name: 'Page not found' }).waitFor()
  for (const path of [
    `events/${world.event}`,
    `endpoints/${world.healthy}`,
    `events/${world.event}?attempt=${world.attempts[0]}`,
  ]) {
    await visitor.open(`/portal/a/${account}/${path}`)
    await page.getByText('Not found').first().waitFor()
    const text = await page.locator('body').innerText()
    assert.ok(!/Northwind|Order system|amount/.test(text), `${path} shows something of another account`)
  }
  const statuses = await page.evaluate<number[]>(`(async () => {
    const json = { 'content-type': 'application/json' }
    const { token } = await (await fetch('/portal/session/token', { method: 'POST', headers: json, body: '{}' })).json()
    const headers = { authorization: 'Bearer ' + token }
    const other = '/api/v1/app/${world.account}'
    const paths = ['', '/summary', '/delivery', '/msg/${world.event}/timeline', '/live?topics=delivery', '/settings/logo', '/audit']
    const answers = await Promise.all(paths.map((path) => fetch(other + path, { headers })))
    const foreign = await fetch('/portal/session/token', { method: 'POST', headers: json, body: JSON.stringify({ account: '${world.account}' }) })
    return [...answers, foreign].map((answer) => answer.status)
  })()`)
  assert.deepEqual([...new Set(statuses)], [404], `asked for another account: ${statuses.join(', ')}`)

  // the other account comes into the same browser, and each still shows its own
  await visitor.signIn(await stage.link(world.account))
  await visitor.open(`/portal/a/${account}/endpoints`)
  await page
    .getByText('Where do your events go?')
    .or(page.getByRole('heading', { name: 'Endpoints' }))
    .first()
    .waitFor()
  assert.ok(!(await page.locator('main').innerText()).includes('Order system'), 'an account shows endpoints of another')
  await page.getByRole('button', { name: 'Contoso Insurance' }).click()
  await page.getByRole('menu').getByText('Northwind Agency').click()
  await page.waitForURL(`**/portal/a/${world.account}`)
  await page.getByRole('heading', { level: 1, name: 'Northwind Agency' }).waitFor()
  await visitor.leave()
}
