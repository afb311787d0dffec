import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Visitor } from './visitor.ts'

const CLI = fileURLToPath(new URL('../../../cli/src/main.ts', import.meta.url))
const MS_MAX = 60_000
/** Of `psapi get`, which is one command whatever it reads. */
const READS_MAX = 3
const run = promisify(execFile)

/** What a screen offers for a read, as calls and as commands. */
type Offered = { screen: string; curl: string; cli: string }

/** What the screen that is shown offers. @throws an error when it offers nothing */
export async function offeredBy({ page }: Visitor, screen: string): Promise<Offered[]> {
  await page.getByRole('button', { name: 'API and CLI for this' }).last().click()
  const dialog = page.getByRole('dialog', { name: 'API and CLI for this' })
  await dialog.locator('li').first().waitFor()
  const lines = await page.evaluate<string[][]>(LINES)
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
  return lines.map(([curl = '', cli = '']) => ({ screen, curl, cli }))
}

const LINES = `[...[...document.querySelectorAll('[role="dialog"]')].at(-1).querySelectorAll('li')]
  .map((item) => [...item.querySelectorAll('code')].map((code) => code.textContent))`

/** Each is run, a command once however often it is offered: both answer the same. Source: portal G19 @returns what does not hold */
export async function runOffered(offered: readonly Offered[], env: Record<string, string>): Promise<string[]> {
  const tries = new Map<string, Offered[]>()
  for (const one of offered) {
    const [, first = '', second = ''] = one.cli.split(' ')
    const known = tries.get(`${first} ${/^[a-z]/.test(second) ? second : ''}`) ?? []
    const isNew = !known.some(({ curl }) => curl === one.curl)
    if (isNew && known.length < (first === 'get' ? READS_MAX : 1)) known.push(one)
    tries.set(`${first} ${/^[a-z]/.test(second) ? second : ''}`, known)
  }
  const faults: string[] = []
  const shell = { env: { ...env, PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '' }, timeout: MS_MAX }
  const answerOf = async (line: string) => JSON.parse((await run('sh', ['-c', line], shell)).stdout) as unknown
  const waiting = [...tries.values()].flat()
  const calls = new Map(offered.map((one) => [one.curl, one]))
  await Promise.all([
    inTurn(waiting, async ({ screen, curl, cli }) => {
      const command = `${cli.replace('psapi', `"${process.execPath}" "${CLI}"`)} --json`
      try {
        const [before, said, after] = [await answerOf(curl), await answerOf(command), await answerOf(curl)]
        // what goes on meanwhile, such as a clock, is of one kind at least
        if (JSON.stringify(before) === JSON.stringify(after)) assert.deepEqual(said, rowsOf(before, said))
        else assert.deepEqual(kindOf(said), kindOf(rowsOf(before, said)))
      } catch (error) {
        faults.push(`${screen}: ${cli}: ${String(error).slice(0, 300)}`)
      }
    }),
    inTurn([...calls.values()], async ({ screen, curl }) => {
      const { stdout } = await run('sh', ['-c', `${curl} -o /dev/null -w '%{http_code}'`], shell)
      if (stdout !== '200') faults.push(`${screen}: ${curl} is answered ${stdout}`)
    }),
  ])
  return faults
}

async function inTurn<One>(all: One[], work: (one: One) => Promise<void>): Promise<void> {
  for (const one of all) await work(one)
}

/** A list that a command prints is the rows of what the call answers. */
function rowsOf(answer: unknown, said: unknown): unknown {
  return Array.isArray(said) ? (answer as { data: unknown }).data : answer
}

function kindOf(answer: unknown): unknown {
  return typeof answer === 'object' && answer !== null ? Object.keys(answer) : typeof answer
}
