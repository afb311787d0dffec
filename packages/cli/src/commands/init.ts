import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Command, Option } from 'commander'
import { usageFailure } from '../failure.ts'
import { examples } from '../frame.ts'
import { announceChange, openSession, printObject, type Session } from '../session.ts'
import { type GlobalFlags, readSettings } from '../settings.ts'
import { ask, note, type Terminal } from '../terminal.ts'
import { beginSession, endSession } from './listening.ts'
import { RECEIVER_URL, receivers } from './receivers.ts'
import { signIn } from './sign-in.ts'

type InitFlags = { framework?: string; to?: string; events: string; dir: string }

const NONE = 'none'
const SECRETS_FILE = '.env'
const SECRETS_VARIABLE = 'PSAPI_WEBHOOK_SECRETS'

export function addInit(program: Command, terminal: Terminal): void {
  program
    .command('init')
    .description('sign in, say where events go, and write a receiver that verifies them; asks, or with --yes does not')
    .addOption(
      new Option(
        '--framework <framework>',
        `writes a receiver for it, and ${SECRETS_FILE} with its signing secret`,
      ).choices([...Object.keys(receivers), NONE]),
    )
    .option('--to <url>', 'makes an endpoint for it; without one the receiver is for psapi listen')
    .option('--events <types>', 'comma-separated event types and groups of the endpoint, or all', 'producersync')
    .option('--dir <folder>', 'where files are written', '.')
    .addHelpText('after', examples('init', 'init --yes --framework express --to https://example.com/webhooks'))
    .action(async (flags: InitFlags, command: Command) => {
      const globals: GlobalFlags = command.optsWithGlobals()
      const asks = globals.yes !== true
      if (asks && !(terminal.stdin.isTTY && terminal.stderr.isTTY))
        throw usageFailure('There is nobody to ask.', 'Say --yes, and with flags what is wanted: psapi init --help.')
      await signInFirst(terminal, globals, asks)
      const session = openSession(terminal, command)
      const to = flags.to ?? (asks ? await ask(terminal, 'URL of an endpoint (empty: psapi listen)', '') : '')
      const framework =
        flags.framework ??
        (asks ? await ask(terminal, `receiver for ${[...Object.keys(receivers), NONE].join(', ')}`, 'node') : NONE)
      if (framework !== NONE && !Object.hasOwn(receivers, framework)) throw usageFailure(`There is no ${framework}.`)
      await init(session, { ...flags, to, framework })
    })
}

/** With what is set, or kept from before; asks for the rest. */
async function signInFirst(terminal: Terminal, globals: GlobalFlags, asks: boolean): Promise<void> {
  const { values } = readSettings(terminal, globals)
  const url = values.url?.value ?? (asks ? await ask(terminal, 'address of the service', '') : undefined)
  await signIn(terminal, {}, url === undefined || url === '' ? globals : { ...globals, url })
}

async function init(session: Session, { to, framework, events, dir }: InitFlags & { framework: string; to: string }) {
  const { terminal, api } = session
  const receiver = receivers[framework]
  let endpoint: string | null = null
  let secret: string
  if (to === '') {
    const own = await beginSession(session, {}) // its secret is this device's, and stays the same
    secret = own.secret
    await endSession(session, own.id)
  } else {
    await announceChange(session, `Make an endpoint for ${to}`)
    const eventTypes = events === 'all' ? null : events.split(',').map((type) => type.trim())
    const made = await api.object('POST', api.underAccount('/endpoint'), { body: { url: to, eventTypes } })
    endpoint = String(made.id)
    const { key } = await api.object('GET', api.underAccount(`/endpoint/${endpoint}/secret`))
    secret = String(key)
    note(terminal, `endpoint ${endpoint} for ${to}`)
  }
  const files = receiver
    ? [
        write(session, join(dir, receiver.file), receiver.source),
        write(session, join(dir, SECRETS_FILE), `${SECRETS_VARIABLE}=${secret}\n`, 0o600),
      ].flatMap((path) => path ?? [])
    : []
  const next = [
    ...(receiver ? [`npm install ${receiver.packages.join(' ')}`, receiver.start ?? []].flat() : []),
    endpoint === null ? `psapi listen --forward-to ${RECEIVER_URL}` : `psapi endpoints check ${endpoint}`,
  ]
  if (session.flags.json) printObject(session, { account: api.account, endpoint, files, next })
  else terminal.stdout.write(next.map((line) => `${line}\n`).join(''))
}

/** Leaves alone what is there. @returns the path of what was written */
function write({ terminal }: Session, path: string, text: string, mode = 0o644): string | undefined {
  const full = join(terminal.cwd, path)
  if (existsSync(full)) {
    note(terminal, `${path} is there already, and is left alone`)
    return undefined
  }
  try {
    mkdirSync(dirname(full), { recursive: true })
    writeFileSync(full, text, { mode, flag: 'wx' })
  } catch {
    throw usageFailure(`${path} cannot be written.`, 'Say another folder with --dir.')
  }
  note(terminal, `wrote ${path}`)
  return path
}
