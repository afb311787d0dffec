import assert from 'node:assert/strict'
import type { Setting } from '../setting.ts'
import { Visitor } from '../visitor.ts'

const TYPED = 'Typed before the session ended'
const LEFT_MS = 90_000

/**
 * Who has been away is asked, and stays by a key; who signs out everywhere ends every tab; what was typed there outlives that,
 * and signing in again. Source: portal S0.4, S0.5, G12
 */
export async function sessionEnds({ browser, stage, seen }: Setting): Promise<void> {
  const account = await stage.make('/api/v1/app', { name: 'Session Ends' })
  const visitor = await Visitor.enter(browser, stage.url, { seen })
  const { page, context } = visitor
  await visitor.signIn(await stage.link(account))
  await visitor.settled()
  const session = await page.evaluate<object>(`fetch('/portal/session').then((answer) => answer.json())`)
  await page.route('**/portal/session', async (route) => {
    await route.fulfill({ json: { ...session, idleEndsAt: new Date(Date.now() + LEFT_MS) } })
  })
  await page.reload()
  const asked = page.getByRole('alertdialog', { name: 'Are you still there?' })
  await asked.waitFor()
  await page.unrouteAll({ behavior: 'ignoreErrors' })
  await page.keyboard.press('Enter')
  await asked.waitFor({ state: 'detached' })

  await visitor.open(`/portal/a/${account}/endpoints/new`)
  const field = page.getByLabel('Name or description')
  await field.fill(TYPED)
  const other = await context.newPage()
  await other.goto(`/portal/a/${account}/settings/profile`)
  await other.getByRole('button', { name: 'Sign out everywhere' }).click()
  const danger = other.getByRole('alertdialog')
  await danger.getByRole('button', { name: 'Cancel' }).and(other.locator(':focus')).waitFor()
  await danger.getByRole('button', { name: 'Sign out everywhere' }).click()
  await page.getByRole('alertdialog', { name: 'Your session has ended' }).waitFor()
  const again = page.getByRole('button', { name: 'I have signed in again' })
  await again.click()
  await page.getByText('No session yet').waitFor()

  const { pathname, hash } = new URL(await stage.link(account))
  await other.goto(`${pathname}${hash}`)
  await other.getByRole('button', { name: 'Continue' }).click()
  await other.waitForURL((url) => !url.pathname.endsWith('/login'))
  await again.click()
  await page.getByRole('alertdialog').waitFor({ state: 'detached' })
  assert.equal(await field.inputValue(), TYPED, 'what was typed is lost')
  await visitor.leave()
}
