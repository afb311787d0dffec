import assert from 'node:assert/strict'
import type { Setting } from '../setting.ts'
import { Visitor } from '../visitor.ts'

/** Opening a link spends nothing, the button spends it, and it works for nobody else after that. Source: portal S0 */
export async function operatorLink({ browser, stage, world, seen }: Setting): Promise<void> {
  const link = await stage.link(world.account)
  const { pathname, hash } = new URL(link)
  const first = await Visitor.enter(browser, stage.url, { seen })
  await first.page.goto(`${pathname}?next=/portal/a/${world.account}/endpoints${hash}`)
  await first.page.getByRole('button', { name: 'Continue' }).waitFor()
  assert.equal(new URL(first.page.url()).hash, '', 'the key stays in the address')
  for (let look = 0; look < 5; look += 1) assert.ok((await fetch(`${stage.url}${pathname}`)).ok)

  await first.page.getByRole('button', { name: 'Continue' }).click()
  await first.page.waitForURL(`**/portal/a/${world.account}/endpoints`)
  await first.settled()
  const kept = await first.page.evaluate<string>(
    'JSON.stringify([{ ...localStorage }, { ...sessionStorage }, history.state])',
  )
  assert.ok(!kept.includes(hash.slice('#key='.length)), 'the key is kept in the browser')
  await first.page.goBack().catch(() => null)
  assert.ok(!first.page.url().includes('key='), 'Back leads to the key')

  const second = await Visitor.enter(browser, stage.url, { seen })
  await second.page.goto(`${pathname}${hash}`)
  await second.page.getByRole('button', { name: 'Continue' }).click()
  await second.page.getByText('This link cannot be used').waitFor()
  assert.ok(!(await second.page.locator('body').innerText()).includes('Northwind'), 'a used link names the account')
  await Promise.all([first.leave(), second.leave()])
}
