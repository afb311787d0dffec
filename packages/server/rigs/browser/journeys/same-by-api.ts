import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Setting } from '../setting.ts'
import { Visitor } from '../visitor.ts'

const CLI = fileURLToPath(new URL('../../../../cli/src/main.ts', import.meta.url))
const run = promisify(execFile)
const MS_MAX = 30_000

/** What a screen offers as calls and commands answers what the screen shows. Source: portal G19 */
export async function sameByApi({ browser, stage, world, seen }: Setting): Promise<void> {
  const visitor = await Visitor.enter(browser, stage.url, { seen })
  const { page } = visitor
  await visitor.signIn(await stage.link(world.account))
  await visitor.open(`/portal/a/${world.account}/log?endpoint=${world.failing}`)
  const shown = await page.evaluate<string[]>(
    `[...document.querySelectorAll('[data-row-link]')].map(({ href }) => href)`,
  )
  await page.getByRole('button', { name: 'API and CLI for this' }).click()
  const code = page.getByRole('dialog').locator('code')
  await code.first().waitFor()
  const lines = await code.allInnerTexts()
  const env = {
    PATH: `${process.execPath.replace(/\/node$/, '')}:${process.env.PATH ?? ''}`,
    HOME: process.env.HOME ?? '',
    PSAPI_TOKEN: stage.keys.sandbox,
    PSAPI_URL: stage.url,
    PSAPI_ACCOUNT: world.account,
  }
  const curl = lines.find((line) => line.includes('/delivery?'))
  assert.ok(curl, `no call for the list: ${lines.join(' | ')}`)
  const called = await run('sh', ['-c', curl], { env, timeout: MS_MAX })
  const { data } = JSON.parse(called.stdout) as { data: { msgId: string }[] }
  assert.equal(data.length, shown.length, 'the call answers other rows than the page shows')
  for (const [index, href] of shown.entries()) assert.ok(href.includes(data[index]?.msgId ?? '?'))

  const command = lines.find((line) => line.startsWith('psapi deliveries list'))
  assert.ok(command, 'no command for the list')
  const asked = await run('sh', ['-c', `${command.replace('psapi', `"${process.execPath}" "${CLI}"`)} --json`], {
    env,
    timeout: MS_MAX,
  })
  for (const { msgId } of data)
    assert.ok(asked.stdout.includes(msgId), 'the command answers other rows than the page shows')
  await visitor.leave()
}
