import type { Command } from 'commander'
import { WHOAMI } from '../api.ts'
import { EXIT, Failure, type FailureDetails } from '../failure.ts'
import { anywhere, examples } from '../frame.ts'
import { printRows, type Session } from '../session.ts'
import type { Terminal } from '../terminal.ts'
import { isNewer } from '../update-notice.ts'
import { dailySignal, endpoints, localPort } from './doctor-endpoints.ts'
import type { Finding } from './findings.ts'

const ROUND_TRIP_MS_MAX = 1_000
const SKEW_WARN_SECONDS = 5
const SKEW_FAIL_SECONDS = 60

const EXPIRY_WARN_MS = 7 * 86_400_000
const PROXIES = ['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY'] as const

type DoctorFlags = { strict?: true; send?: true; forwardTo?: string }

export function addDoctor(program: Command, terminal: Terminal): void {
  program
    .command('doctor')
    .description('what stands between you and your webhooks: configuration, service, clock, credentials, endpoints')
    .option('--strict', 'warnings end with exit code 10')
    .option('--send', 'send each endpoint a test, to see whether the service reaches it')
    .option('--forward-to <url>', 'what psapi listen would forward to: does it answer?')
    .addHelpText('after', examples('doctor', 'doctor --strict --json'))
    .action(anywhere(terminal, doctor))
}

async function doctor(session: Session, flags: DoctorFlags): Promise<void> {
  const { findings, exit } = await examine(session, flags)
  printRows(session, findings, [
    ['check', 'check'],
    ['verdict', 'verdict'],
    ['says', 'says'],
  ])
  const failed = findings.find(({ verdict }) => verdict === 'failed')
  if (failed) throw new Failure(`${failed.check}: ${failed.says}`, { exit, code: 'doctor_failed' })
  if (flags.strict && findings.some(({ verdict }) => verdict === 'warning'))
    throw new Failure('There are warnings.', { exit: EXIT.partly, code: 'doctor_warnings' })
}

type Exit = FailureDetails['exit']

/** One after the other: what fails makes those after it pointless. @returns also what the exit code says of a failure */
async function examine(session: Session, flags: DoctorFlags): Promise<{ findings: Finding[]; exit: Exit }> {
  const findings: Finding[] = []
  for (const step of [configuration, service, credentials, endpoints, dailySignal, localPort]) {
    try {
      findings.push(...(await step(session, flags)))
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      findings.push({ check: step.name, verdict: 'failed', says: error.message })
      return { findings, exit: error.details.exit }
    }
    if (findings.some(({ verdict }) => verdict === 'failed')) break
  }
  return { findings, exit: EXIT.unavailable }
}

async function configuration({ api, settings, terminal }: Session): Promise<Finding[]> {
  const says = `${api.url}, account ${api.account}, profile ${settings.profile.value}`
  const unused = PROXIES.find((name) => terminal.env[name] && terminal.env.NODE_USE_ENV_PROXY !== '1')
  return [
    { check: 'configuration', verdict: 'ok', says },
    ...(unused === undefined
      ? []
      : [
          {
            check: 'proxy',
            verdict: 'warning' as const,
            says: `${unused} is set, and used with NODE_USE_ENV_PROXY=1 alone`,
          },
        ]),
  ]
}

async function service({ api }: Session): Promise<Finding[]> {
  const startedAt = performance.now()
  const response = await answerOf(api.url)
  const ms = Math.round(performance.now() - startedAt)
  if (!response.ok) return [{ check: 'service', verdict: 'failed', says: `health answers ${response.status}` }]
  const speed: Finding = {
    check: 'service',
    verdict: ms > ROUND_TRIP_MS_MAX ? 'warning' : 'ok',
    says: `answers in ${ms} ms`,
  }
  const theirs = Date.parse(response.headers.get('date') ?? '')
  if (Number.isNaN(theirs)) return [speed]
  // the header has whole seconds, and the answer was under way
  const skew = Math.max(0, Math.abs(Date.now() - theirs) / 1000 - 1 - ms / 1000)
  const verdict = skew > SKEW_FAIL_SECONDS ? 'failed' : skew > SKEW_WARN_SECONDS ? 'warning' : 'ok'
  return [speed, { check: 'clock', verdict, says: skew === 0 ? 'as the service' : `${skew.toFixed(0)} s off` }]
}

async function answerOf(url: string): Promise<Response> {
  try {
    return await fetch(`${url}/api/v1/health`, { redirect: 'manual', signal: AbortSignal.timeout(10_000) })
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? String(Reflect.get(error.cause, 'code')) : ''
    throw new Failure(`${url} cannot be reached${whyOf(cause)}.`, { exit: EXIT.unavailable, code: 'unreachable' })
  }
}

function whyOf(code: string): string {
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `: its name has no address (${code})`
  if (/CERT|SSL|TLS|SELF_SIGNED/.test(code)) return `: its certificate is not trusted (${code})`
  return code === '' ? '' : ` (${code})`
}

async function credentials({ api, settings, version }: Session): Promise<Finding[]> {
  const environment = await api.environment()
  await api.object('GET', api.underAccount())
  const { role, expiresAt, version: theirs } = await api.object('GET', WHOAMI)
  const who = typeof role === 'string' ? `, as ${role}` : ''
  const found: Finding[] = [
    { check: 'credentials', verdict: 'ok', says: `${environment.toUpperCase()} ${api.account}${who}` },
    {
      check: 'version',
      verdict: typeof theirs !== 'string' || isNewer(theirs, version) ? 'warning' : 'ok',
      says:
        typeof theirs === 'string'
          ? `the service is ${theirs}, this is ${version}`
          : 'the service does not say which it is',
    },
  ]
  // a client gets a new token whenever it needs one
  if (typeof expiresAt !== 'string' || settings.values.token === undefined) return found
  const endsSoon = Date.parse(expiresAt) - Date.now() < EXPIRY_WARN_MS
  return [...found, { check: 'token', verdict: endsSoon ? 'warning' : 'ok', says: `good until ${expiresAt}` }]
}
