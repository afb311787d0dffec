import type { Spread } from './figures.ts'
import type { Report } from './report.ts'

/** The report for people. */
export function tableOf(report: Report): string {
  const { cpuUsPerDelivery: cpu, halfRate, barePerS, ledger, beside, workers } = report
  const rows: [string, string][] = [
    ['mode', `${report.mode}, ${count(report.endpoints)} endpoints, seed ${report.seed}, ${report.durationS} s`],
    ['commit', `${report.commit ?? 'unknown'}, Node ${report.node}, PostgreSQL ${report.postgres}`],
    ['verdict', [report.verdict, ...report.voidBecause].join('; ')],
    ['delivered', `${count(report.deliveredPerS)}/s`],
    ['accepted', `${count(report.acceptedPerS)}/s`],
    ['bare sender', `${count(barePerS.before)}/s before, ${count(barePerS.after)}/s after`],
    ['ratio', report.ratio.toFixed(2)],
    [
      'CPU a delivery',
      `service ${cpu.service} µs, PostgreSQL ${cpu.postgres}, sink ${cpu.sink}, publisher ${cpu.publisher}`,
    ],
    ['CPU a request, bare', `${cpu.bareSender} µs`],
    ['statements an event', String(report.statementsPerEvent)],
    [
      'WAL an event',
      `${count(report.walBytesPerEvent)} bytes, ${count(report.walBytesAbovePayload)} above the payload`,
    ],
    ['disk an event', `${count(report.diskBytesPerEvent)} bytes`],
    ['memory', `${Math.round(report.rssBytes / 1_048_576)} MiB`],
    ['at half rate', `${count(halfRate.eventsPerS)} events/s`],
    ['  accepted after', spread(halfRate.acceptMs)],
    ['  accepted → first byte', spread(halfRate.acceptToFirstByteMs)],
    ['  due → first byte', spread(halfRate.dueToFirstByteMs)],
    ...(beside
      ? ([
          ['beside that', `${count(beside.deliveredPerS)}/s, ${beside.throughputRatio} of quiet`],
          ['  due → first byte', `${spread(beside.dueToFirstByteMs)}; p99 ${beside.p99Ratio} of quiet`],
        ] satisfies [string, string][])
      : []),
    ...(workers
      ? ([
          [
            'workers',
            `${workers.count}; the busiest made ${workers.balance.most} of the mean, the idlest ${workers.balance.least}`,
          ],
          [
            '  while changing',
            `${count(workers.whileChanging.deliveredPerS)}/s for ${workers.whileChanging.seconds} s`,
          ],
        ] satisfies [string, string][])
      : []),
    [
      'deliveries',
      `${count(ledger.deliveries)} = ${count(ledger.delivered)} delivered + ${count(ledger.pending)} pending + ${count(ledger.deadLettered)} dead + ${count(ledger.lost)} lost`,
    ],
    ['duplicates', count(ledger.duplicates)],
    ['other programs', `used ${report.cores.full.others} cores meanwhile`],
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n')
}

function spread({ p50, p95, p99 }: Spread): string {
  return `p50 ${p50} ms, p95 ${p95}, p99 ${p99}`
}

function count(number: number): string {
  return number.toLocaleString('en-US')
}
