import { spawn } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type TestAccount, TestService } from '../../server/test/service.ts'
import { createProgram } from '../src/program.ts'
import { buildPsapi, leavesOf, Psapi } from './psapi.ts'

/** Completion, in those of its shells that this machine has; bash it has always. What is written for the others is looked at. */

const SHELLS = ['bash', 'zsh', 'fish', 'powershell'] as const
/** Lines that are being typed, and the one word that is offered for the last of each. */
const LINES = [
  [['endpoints', 'get', 'crm-of'], 'crm-of-completion'],
  [['events', 'replay', 'msg_1', '--to', 'crm-of'], 'crm-of-completion'],
  [['trigger', 'producersync.npn.dea'], 'producersync.npn.deactivated'],
  [['endpoints', 'rot'], 'rotate'],
  [['producers', 'add', '--dry'], '--dry-run'],
] as const

let service: TestService
let account: TestAccount
let psapi: Psapi
let removeBuilt = () => {}

beforeAll(async () => {
  removeBuilt = buildPsapi()
  service = await TestService.start()
  account = await service.account('sandbox')
  const api = `/api/v1/app/${account.id}/endpoint`
  const body = { uid: 'crm-of-completion', url: 'https://example.com/', disabled: true }
  await service.ok('POST', api, body, { token: account.key })
  psapi = new Psapi({ PSAPI_URL: service.url, PSAPI_ACCOUNT: account.id, PSAPI_TOKEN: await service.token(account) })
})
afterAll(async () => {
  rmSync(psapi.home, { recursive: true })
  await service.close()
  removeBuilt()
})

function isHere(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)))
}

async function output(program: string, args: string[]): Promise<string[]> {
  const env = { ...psapi.env, XDG_CONFIG_HOME: psapi.home, HOME: psapi.home, PATH: process.env.PATH }
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  return (await text(child.stdout)).trimEnd().split('\n')
}

const quoted = (words: readonly string[]) => words.map((word) => `'${word}'`).join(' ')
const call = () => `"${process.execPath}" "${psapi.program}"`

/** What each shell offers for a line, a line of output for each. */
const asked: Record<string, (script: string) => Promise<string[]>> = {
  bash: async (script) =>
    await output('bash', [
      '-c',
      `psapi() { ${call()} "$@"; }
      source ${script}
      ask() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _psapi; echo "\${COMPREPLY[*]}"; }
      ${LINES.map(([words]) => `ask psapi ${quoted(words)}`).join('\n')}`,
    ]),
  zsh: async (script) =>
    await output('zsh', [
      '--no-rcs',
      '-c',
      `psapi() { ${call()} "$@" }
      compdef() { }
      compadd() { shift; print -r -- \${(M)@:#$current*} }
      source ${script}
      ask() { words=("$@"); CURRENT=$#; current="$words[CURRENT]"; _psapi }
      ${LINES.map(([words]) => `ask psapi ${quoted(words)}`).join('\n')}`,
    ]),
  fish: async (script) =>
    await output('fish', [
      '--no-config',
      '-c',
      `function psapi; ${call()} $argv; end
      source ${script}
      ${LINES.map(([words]) => `echo (complete -C 'psapi ${words.join(' ')}')`).join('\n')}`,
    ]),
}

test('each shell that is here offers commands, flags and ids of what there is', async () => {
  const here = Object.keys(asked).filter(isHere)
  expect(here).toContain('bash')
  for (const shell of here) {
    const script = join(psapi.home, shell)
    writeFileSync(script, (await psapi.run(['completion', shell])).stdout)
    expect([shell, ...((await asked[shell]?.(script)) ?? [])]).toEqual([shell, ...LINES.map(([, offered]) => offered)])
  }
})

test.each(SHELLS)(
  'for %s there is every command with its flags, and every quote and bracket is closed',
  async (shell) => {
    const { code, stdout } = await psapi.run(['completion', shell])
    expect(code).toBe(0)
    const { stdin, stdout: out, stderr } = process
    const program = createProgram({ stdin, stdout: out, stderr, env: {}, cwd: '/' }, '1.2.3')
    for (const { path, command } of leavesOf(program)) {
      if (path === 'complete-ids') continue
      for (const word of path.split(' ')) expect(stdout).toContain(word)
      for (const { long } of command.options) expect(stdout).toContain(shell === 'fish' ? `-l ${long?.slice(2)}` : long)
    }
    expect(stdout).not.toContain('undefined')
    for (const [open, close] of ['{}', '()', '[]'].map((pair) => pair.split(''))) {
      if (shell !== 'powershell') continue // in the others a case ends with a bracket of its own
      expect(stdout.split(open ?? '').length).toBe(stdout.split(close ?? '').length)
    }
    for (const quote of ['"', "'"]) expect(stdout.split(quote).length % 2).toBe(1)
  },
)

test('nobody is asked for a shell that is not known, nor for ids of what has none', async () => {
  expect(await psapi.run(['completion', 'tcsh'])).toMatchObject({ code: 2, stdout: '' })
  expect(await psapi.run(['complete-ids', 'account'])).toMatchObject({ code: 2, stdout: '' })
})
