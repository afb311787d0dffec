import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { toSettings } from '../../packages/server/src/accounts/environment-settings.ts'
import { REQUESTS_PER_MINUTE, TOKEN_REQUESTS_PER_MINUTE } from '../../packages/server/src/accounts/rate-limit.ts'
import { LIST_LIMIT_MAX } from '../../packages/server/src/adapters/http/pages.ts'
import { BODY_BYTES_MAX } from '../../packages/server/src/adapters/http/server.ts'
import { loadConfig, printConfig } from '../../packages/server/src/config.ts'
import { RETRY_AFTER_MS_MAX } from '../../packages/server/src/delivery/schedule.ts'
import { GRACE_SECONDS_MAX, OLD_SECRETS_MAX } from '../../packages/server/src/endpoints/signing-secret.ts'
import { ELEMENTS_MAX } from '../../packages/server/src/population/job.ts'
import { REPLAY_RATE_MAX } from '../../packages/server/src/replays/replay.ts'
import { ROOT } from '../site/sources.ts'

/** The retry schedule by default: what a new environment has. */
export function retryScheduleTable(): string {
  const { retrySchedule: waits } = toSettings({})
  const rows = waits.map((wait, index) => {
    const total = waits.slice(0, index + 1).reduce((sum, seconds) => sum + seconds, 0)
    return `| ${index + 2} | ${inWords(wait)} | ${inWords(total)} |\n`
  })
  return `\n| attempt | after | since the first |\n|---|---|---|\n| 1 | at once | – |\n${rows.join('')}\n`
}

function inWords(seconds: number): string {
  const hours = Math.floor(seconds / 3_600)
  const minutes = Math.floor((seconds % 3_600) / 60)
  const parts = [
    hours > 0 ? `${hours} h` : '',
    minutes > 0 ? `${minutes} min` : '',
    seconds % 60 > 0 && hours === 0 ? `${seconds % 60} s` : '',
  ]
  return parts.filter((part) => part !== '').join(' ')
}

const SET = 'may be set otherwise'

export function limitsTable(): string {
  const settings = toSettings({})
  const { intakeLimits } = loadConfig({})
  const days = (count: number) => `${count} days`
  const rows = [
    ['requests to `/v1` and `/v2`, per client and minute', grouped(REQUESTS_PER_MINUTE), ''],
    ['token requests, per client and minute', grouped(TOKEN_REQUESTS_PER_MINUTE), ''],
    ['events by API, per account and second', grouped(intakeLimits.eventsPerSecond), SET],
    ['pending deliveries of an account, before events by API are refused', grouped(intakeLimits.pendingMax), SET],
    ['payload of an event', kib(settings.messageBytesMax), `${SET}, to ${kib(BODY_BYTES_MAX.event)}`],
    ['body of a batch of events', kib(BODY_BYTES_MAX.batch), ''],
    ['body of any other call', kib(BODY_BYTES_MAX.default), ''],
    ['NPNs of one call to `/v1/accounts/subscriptions`', grouped(ELEMENTS_MAX), ''],
    ['list of NPNs to preview', kib(BODY_BYTES_MAX.npnList), ''],
    ['rows of one page, `/api/v1`', grouped(LIST_LIMIT_MAX), ''],
    ['endpoints of an account', grouped(settings.endpointsMax), SET],
    ['time for your answer to a webhook', `${settings.timeoutMs / 1_000} s`, SET],
    ['requests to one endpoint at once', grouped(settings.maxConcurrency), SET],
    ['attempts of a delivery', grouped(settings.retrySchedule.length + 1), 'per endpoint, `retrySchedule`'],
    ['`Retry-After` that is followed', inWords(RETRY_AFTER_MS_MAX / 1_000), ''],
    ['failures without a success before an endpoint is disabled', days(settings.disableAfterDays), SET],
    ['rate of a replay, deliveries a second', grouped(REPLAY_RATE_MAX), ''],
    ['former signing secrets that sign along', grouped(OLD_SECRETS_MAX), ''],
    ['overlap of two signing secrets', days(GRACE_SECONDS_MAX / 86_400), ''],
    ['events and attempts are kept', days(settings.messageRetentionDays), SET],
  ]
  return table(['', 'limit', ''], rows)
}

/** Every setting of the process, as `--print-config` says it. */
export function settingsTable(): string {
  const rows = [...printConfig({}).matchAll(/^([A-Z_]+)=(.*?) {2}# default: (.+)$/gm)].map(
    ([, name = '', value = '', what = '']) => [`\`${name}\``, value === '' ? '' : `\`${value}\``, what],
  )
  return table(['setting', 'default', 'what it is'], rows)
}

const TEXT = '\'[^\']*\'|"[^"]*"|`[^`]*`'
const METRIC = new RegExp(
  `new (Counter|Gauge|Histogram)\\(\\{\\s*name: '(psapi_\\w+)',\\s*help: (${TEXT})(?:,\\s*labelNames: \\[([^\\]]*)\\])?`,
  'g',
)
/** Of a number without labels, by a helper of its file. */
const GAUGE = new RegExp(`\\bgauge\\(\\s*'(?:psapi_)?(\\w+)',\\s*(${TEXT})`, 'g')

/** Every metric that the code makes, beside those of Node itself. */
export function metricsTable(): string {
  const rows = globSync('packages/server/src/**/*.ts', { cwd: ROOT })
    .flatMap((file) => metricsIn(readFileSync(join(ROOT, file), 'utf8')))
    .toSorted(([one = ''], [other = '']) => (one < other ? -1 : 1))
  return table(['metric', 'kind', 'labels', 'what it is'], rows)
}

function metricsIn(code: string): string[][] {
  const helpOf = (text: string) =>
    text.slice(1, -1).replaceAll(/\$\{(\w+)\}/g, (_, name) => {
      const [, value = ''] = new RegExp(`const ${name} = ([\\d_]+)`).exec(code) ?? []
      return grouped(Number(value.replaceAll('_', '')))
    })
  const labelsOf = (text: string) =>
    text
      .replaceAll(/['\s]/g, '')
      .split(',')
      .filter(Boolean)
      .map((label) => `\`${label}\``)
      .join(', ')
  return [
    ...[...code.matchAll(METRIC)].map(([, kind = '', name = '', help = '', labels = '']) => [
      `\`${name}\``,
      kind.toLowerCase(),
      labelsOf(labels),
      helpOf(help),
    ]),
    ...[...code.matchAll(GAUGE)].map(([, name = '', help = '']) => [`\`psapi_${name}\``, 'gauge', '', helpOf(help)]),
  ]
}

type Rules = {
  groups: {
    rules: { alert?: string; for?: string; labels?: { severity?: string }; annotations?: Record<string, string> }[]
  }[]
}

/** Every alert, with its runbook. */
export function alertsTable(): string {
  const { groups }: Rules = parse(readFileSync(join(ROOT, 'ops/prometheus/rules.yml'), 'utf8'))
  const rows = groups
    .flatMap(({ rules }) => rules)
    .flatMap(({ alert, for: after = 'at once', labels, annotations }) => {
      if (alert === undefined) return []
      const runbook = `..${annotations?.runbook_url?.slice('/docs'.length) ?? ''}.md`
      return [[`[${alert}](${runbook})`, labels?.severity ?? '', after, annotations?.summary ?? '']]
    })
  return table(['alert', 'severity', 'after', 'when'], rows)
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |\n`)
  return `\n${lines.join('')}\n`
}

function grouped(count: number): string {
  return String(count).replaceAll(/\B(?=(\d{3})+$)/g, ',')
}

function kib(bytes: number): string {
  return bytes % 1_048_576 === 0 ? `${bytes / 1_048_576} MiB` : `${bytes / 1_024} KiB`
}
