import assert from 'node:assert/strict'
import type { Setting } from '../setting.ts'
import { Visitor } from '../visitor.ts'

const ELSEWHERE = [
  'https://evil.example/',
  '//evil.example/a/',
  '/\\\\evil.example',
  'javascript:window.pwned=1',
  '/a/../../oauth2/token',
]

/**
 * Another page of the same machine, to which a browser sends SameSite cookies, can do nothing in a session; and no link leads out
 * of the portal. Source: portal G1, G18; reliability-security 12
 */
export async function forged({ browser, stage, world }: Setting): Promise<void> {
  const evil = stage.receiver(11)
  const { origin } = new URL(evil.url)
  evil.answer((response) =>
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Evil</title>'),
  )
  const visitor = await Visitor.enter(browser, stage.url, { others: [origin] })
  const { page, context } = visitor
  await visitor.signIn(await stage.link(world.account))
  const tab = await context.newPage()
  await tab.goto(evil.url)
  const got = await tab.evaluate<string[]>(`(async () => {
    const session = '${stage.url}/portal/session'
    const got = []
    const attempt = async (what, work) => got.push(what + ': ' + (await work().then(() => 'done', () => 'refused')))
    const json = { 'content-type': 'application/json' }
    await attempt('read', () => fetch(session, { credentials: 'include' }).then((answer) => answer.text()))
    await attempt('token', () => fetch(session + '/token', { method: 'POST', credentials: 'include', headers: json, body: '{}' }))
    await attempt('sign out', () => fetch(session, { method: 'DELETE', credentials: 'include', headers: json, body: '{"everywhere":true}' }))
    for (const type of ['text/plain', 'application/x-www-form-urlencoded']) {
      await fetch(session + '/extend', { method: 'POST', credentials: 'include', mode: 'no-cors', headers: { 'content-type': type }, body: '{}' }).catch(() => {})
    }
    return got
  })()`)
  assert.deepEqual(got, ['read: refused', 'token: refused', 'sign out: refused'])
  const [refused] = await Promise.all([
    context.waitForEvent('response', (response) => response.url().endsWith('/portal/session')),
    tab.evaluate(`(() => {
      document.body.innerHTML = '<form method="post" action="${stage.url}/portal/session"><input name="key" value="x"></form>'
      document.forms[0].submit()
    })()`),
  ])
  assert.ok(refused.status() >= 400, `a form of another page was answered ${refused.status()}`)
  await visitor.open(`/portal/a/${world.account}/endpoints`)
  assert.equal(await visitor.errorShown(), null, 'the session did not outlive what another page asked')

  for (const next of ELSEWHERE) {
    const { pathname, hash } = new URL(await stage.link(world.account))
    await page.goto(`${pathname}?next=${encodeURIComponent(next)}${hash}`)
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.waitForURL((url) => url.origin === stage.url && url.pathname.startsWith(`/portal/a/${world.account}`))
  }
  // what says nothing is left out and named, and the list is there
  await visitor.open(`/portal/a/${world.account}/producers?cursor=<x>&state=nothing&sort=javascript:0&other=1`)
  for (const names of ['state, sort', 'cursor']) await page.getByText(`was left out: ${names}.`).waitFor()
  await page.locator('[data-row-link]').first().waitFor()
  assert.match(page.url(), /other=1/, 'an unknown parameter is not kept')
  assert.equal(await page.evaluate('window.pwned ?? null'), null, 'an address was run')
  assert.deepEqual(visitor.seen.foreignRequests, [], 'a link led out of the portal')
  await visitor.leave()
}
