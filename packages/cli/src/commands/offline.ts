import { check, sign, VerificationError } from '@producersync/webhooks/node'
import type { Command } from 'commander'
import { quoted } from '../curl.ts'
import { EXIT, Failure, usageFailure } from '../failure.ts'
import { examples } from '../frame.ts'
import { readSecret } from '../secret-reference.ts'
import type { GlobalFlags } from '../settings.ts'
import { printJson, type Terminal } from '../terminal.ts'
import { otherReadings } from './readings.ts'
import { parseHeader, readRequest } from './request-file.ts'

const BODY_BYTES_MAX = 16_777_216

type VerifyFlags = { secret: string[]; header?: string[]; request?: string; at?: string; tolerance: string }
type SignFlags = { secret: string[]; id: string; at?: string; curl?: string }

export function addOffline(program: Command, terminal: Terminal): void {
  program
    .command('verify')
    .description('is this webhook signed with this secret? body from stdin; no network')
    .requiredOption('--secret <reference...>', 'env:NAME or file:PATH; several are tried')
    .option('--header <header...>', '"name: value"; all three of webhook-id, -timestamp, -signature')
    .option(
      '--request <file>',
      'a raw HTTP request, or a cURL command as the portal gives it, instead of headers and stdin',
    )
    .option('--at <time>', 'the moment to judge by: RFC 3339 or Unix seconds; default now')
    .option('--tolerance <seconds>', 'how far the timestamp may be from it', '300')
    .addHelpText(
      'after',
      examples(
        'verify --secret env:SECRET --header "webhook-id: msg_1" "webhook-timestamp: 1700000000" "webhook-signature: v1,…" < body.json',
        'verify --secret file:secret.txt --request request.http --at 1700000000',
      ),
    )
    .action(async (flags: VerifyFlags, command: Command) => {
      const { json }: GlobalFlags = command.optsWithGlobals()
      const secrets = await readSecrets(terminal, flags.secret)
      const { headers, body } =
        flags.request === undefined ? await fromFlags(terminal, flags) : readRequest(flags.request)
      const options = {
        secrets,
        now: momentOf(flags.at),
        toleranceSeconds: Number(flags.tolerance),
        maxBytes: BODY_BYTES_MAX,
      }
      const verdict = check(body, headers, options)
      if (verdict.ok || verdict.code === 'invalid_event' || verdict.code === 'invalid_json') {
        // the signature is right, and that was the question
        const warning = verdict.ok ? undefined : verdict.code
        if (json) return printJson(terminal, { verified: true, ...(warning ? { warning } : {}) })
        return void terminal.stdout.write(warning ? `verified (${warning})\n` : 'verified\n')
      }
      const found = otherReadings(verdict.code, { body, headers }, options)
      const hint = found ?? verdict.hint
      throw new Failure(verdict.message.replace(` ${verdict.hint}`, ''), {
        exit: EXIT.notVerified,
        code: verdict.code,
        hint,
      })
    })

  program
    .command('sign')
    .description('the headers of a webhook, for tests of your own; body from stdin; no network')
    .requiredOption('--secret <reference...>', 'env:NAME or file:PATH; each makes a signature')
    .requiredOption('--id <id>', 'message id')
    .option('--at <time>', 'time of the attempt: RFC 3339 or Unix seconds; default now')
    .option('--curl <url>', 'print a cURL command instead, with the body in it')
    .addHelpText(
      'after',
      examples(
        'sign --secret env:SECRET --id msg_1 < body.json',
        'sign --secret env:SECRET --id msg_1 --curl http://localhost:3000/ < body.json | sh',
      ),
    )
    .action(async (flags: SignFlags, command: Command) => {
      const { json }: GlobalFlags = command.optsWithGlobals()
      const secrets = await readSecrets(terminal, flags.secret)
      const body = await readBody(terminal)
      const timestamp = Math.floor((momentOf(flags.at) ?? new Date()).getTime() / 1000)
      const headers = signed({ id: flags.id, timestamp, body, secrets })
      if (flags.curl !== undefined) return void terminal.stdout.write(curlOf(flags.curl, headers, body))
      if (json) return printJson(terminal, headers)
      for (const [name, value] of Object.entries(headers)) terminal.stdout.write(`${name}: ${value}\n`)
    })
}

function signed(message: Parameters<typeof sign>[0]): Record<string, string> {
  try {
    return { ...sign(message) }
  } catch (error) {
    if (error instanceof VerificationError) throw usageFailure(error.message)
    throw error
  }
}

async function readSecrets(terminal: Terminal, references: string[]): Promise<string[]> {
  if (references.includes('-')) throw usageFailure('--secret: stdin is for the body.', 'Say env:NAME or file:PATH.')
  return await Promise.all(references.map((reference) => readSecret(terminal, '--secret', reference)))
}

async function fromFlags(terminal: Terminal, { header = [] }: VerifyFlags) {
  return { headers: header.map(parseHeader), body: await readBody(terminal) }
}

/** The bytes of stdin as they are: a text would be another body where it is not UTF-8. */
async function readBody({ stdin }: Terminal): Promise<Buffer> {
  if (stdin.isTTY)
    throw usageFailure('The body is read from stdin, and stdin is a terminal.', 'Pipe it in: … < body.json')
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of stdin) {
    const part: Buffer = chunk // no encoding is set
    bytes += part.length
    if (bytes > BODY_BYTES_MAX) throw usageFailure(`The body has more than ${BODY_BYTES_MAX} bytes.`)
    chunks.push(part)
  }
  return Buffer.concat(chunks)
}

function momentOf(text: string | undefined): Date | undefined {
  if (text === undefined) return undefined
  const moment = new Date(/^\d+$/.test(text) ? Number(text) * 1000 : text)
  if (Number.isNaN(moment.getTime())) throw usageFailure(`--at: ${text} is no time.`, 'RFC 3339, or Unix seconds.')
  return moment
}

function curlOf(url: string, headers: Record<string, string>, body: Buffer): string {
  if (!body.equals(Buffer.from(body.toString('utf8')))) throw usageFailure('--curl takes a body that is text in UTF-8.')
  const lines = Object.entries({ 'content-type': 'application/json', ...headers }).map(
    ([name, value]) => `  -H ${quoted(`${name}: ${value}`)} \\\n`,
  )
  return `curl -sS ${quoted(url)} \\\n${lines.join('')}  --data-binary ${quoted(body.toString('utf8'))}\n`
}
