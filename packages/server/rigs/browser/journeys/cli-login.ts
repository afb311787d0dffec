import assert from 'node:assert/strict'
import type { Setting } from '../setting.ts'
import { Visitor } from '../visitor.ts'
import { ANONYMOUS, startCliLogin } from '../world.ts'

type Decided = { status: string; token?: string }

/** A command line asks, a person compares the code and approves; what was refused stays outside. Source: webhook API, CLI sign-in */
export async function cliLogin(setting: Setting): Promise<void> {
  const { browser, stage, world, seen } = setting
  const visitor = await Visitor.enter(browser, stage.url, { seen })
  const { page } = visitor
  await visitor.signIn(await stage.link(world.account))
  for (const [answer, says] of [
    ['Approve', 'The command line is signed in'],
    ['Refuse', 'Refused'],
  ] as const) {
    const { deviceCode, userCode } = await startCliLogin(stage)
    await visitor.open(`/portal/cli-login?code=${userCode.toLowerCase()}`)
    await page.getByText(userCode, { exact: true }).waitFor()
    await page.getByText('ada’s laptop').waitFor()
    await page.getByRole('button', { name: answer }).click()
    await page.getByRole('heading', { level: 1, name: says }).waitFor()

    const { status, token }: Decided = await stage.ok('POST', '/api/v1/cli-login/token', { deviceCode }, ANONYMOUS)
    assert.equal(status, answer === 'Approve' ? 'approved' : 'denied')
    if (answer === 'Refuse') continue
    await stage.ok('GET', `/api/v1/app/${world.account}/endpoint`, undefined, { token })
    await visitor.open(`/portal/cli-login?code=${userCode}`)
    await page.getByText('No sign-in waits under this code').waitFor()
  }
  await visitor.leave()
  await byStaff(setting)
}

/** Staff are in no account: they name the one that the command line starts with. */
async function byStaff({ browser, stage, world, seen }: Setting): Promise<void> {
  const visitor = await Visitor.enter(browser, stage.url, { seen })
  const { page } = visitor
  await visitor.signIn(await stage.staffLink())
  const { deviceCode, userCode } = await startCliLogin(stage)
  await visitor.open(`/portal/cli-login?code=${userCode}`)
  await page.getByLabel('Account').fill(world.account)
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByText('in every account of the environment').waitFor()
  await page.getByRole('button', { name: 'Approve' }).click()
  await page.getByRole('heading', { level: 1, name: 'The command line is signed in' }).waitFor()
  const { token }: Decided = await stage.ok('POST', '/api/v1/cli-login/token', { deviceCode }, ANONYMOUS)
  await stage.ok('GET', '/api/v1/env/account', undefined, { token })
  await visitor.leave()
}
