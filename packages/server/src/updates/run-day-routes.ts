import type { FastifyInstance, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { addMs, type Clock } from '#src/adapters/clock.ts'
import { settingsOf } from '#src/adapters/http/idempotency.ts'
import { described } from '#src/adapters/http/operation.ts'
import { pageParameters, parsePage, toPage } from '#src/adapters/http/pages.ts'
import { queryOf } from '#src/adapters/http/query.ts'
import { pathValue } from '#src/adapters/http/routes.ts'
import type { Database, Queryable } from '#src/adapters/postgres/database.ts'
import { notFound } from '#src/domain-error.ts'
import { readerOf } from '#src/producers/store.ts'
import { addDays } from './calendar.ts'
import { type Feed, readFeed } from './feed-store.ts'
import { type LocalDate, parseLocalDate } from './local-date.ts'
import { daysFrom, shownDays, toRunDay } from './run-day.ts'
import { runDayDetailOut, runDayOut, type ShownDay } from './run-day-answers.ts'
import { RunDayDetailOut, RunDayPage } from './run-day-schemas.ts'
import { readRunsOfDays, readStandings, readTold } from './run-day-store.ts'
import { listErrors } from './run-list-store.ts'
import type { Calendar } from './schedule.ts'

export type RunDayParts = {
  api: Database
  clock: Clock
  calendarOf: (feed: Feed) => Calendar
  /** Without a slash at its end. */
  publicUrl: string
}

const ERRORS_SHOWN = 100

const DaysQuery = Type.Object({ limit: pageParameters.limit, iterator: pageParameters.iterator })

/** The daily runs as people look at them, day by day: portal 2, P4. */
export function registerRunDayRoutes(routes: FastifyInstance, parts: RunDayParts): void {
  const { api, publicUrl } = parts

  async function reading<T>(request: FastifyRequest, work: (tx: Queryable) => Promise<T>): Promise<T> {
    const options = { settings: settingsOf(request), isolation: 'repeatable read', readOnly: true } as const
    return await api.transaction(options, work)
  }

  const list = described(
    { config: { access: 'ViewBase' } },
    {
      id: 'v1.run-day.list',
      summary: 'List the days with their runs, newest first',
      description:
        'Days without a run are named too, with the reason: a weekend, a holiday, or a day that a later run covers.',
      query: DaysQuery,
      answers: { 200: RunDayPage },
    },
  )
  routes.get('/app/:app_id/run', list, async (request) => {
    const query = queryOf(request, DaysQuery)
    const page = parsePage(query, { isKey: (text) => parseLocalDate(text) !== undefined })
    const shown = await reading(request, async (tx) => {
      const feed = await readFeed(tx, readerOf(request.account).feedId)
      if (!feed) return []
      const { first, last } = shownDays(request.account.createdAt, feedTimeOf(parts, feed))
      const above = dayOf(page.above)
      const below = dayOf(page.below)
      const days = daysFrom(
        above && above >= first ? addDays(above, 1) : first,
        below && below <= last ? addDays(below, -1) : last,
      )
      const inOrder = page.read === 'ascending' ? days : days.reverse()
      return await show(tx, parts, request, feed, inOrder.slice(0, page.limit + 1))
    })
    return toPage(page, shown, runDayOut, ({ day }) => day.runDate)
  })

  const find = async (request: FastifyRequest) => {
    const day = dayOf(pathValue(request, 'runDate') ?? null)
    const isShown = await reading(request, async (tx) => {
      const feed = await readFeed(tx, readerOf(request.account).feedId)
      if (!feed || !day) return false
      const { first, last } = shownDays(request.account.createdAt, feedTimeOf(parts, feed))
      return day >= first && day <= last
    })
    if (!isShown) throw notFound()
  }
  const get = described(
    { config: { access: 'ViewBase', find } },
    {
      id: 'v1.run-day.get',
      summary: 'Read a day with its run',
      path: { runDate: Type.String({ format: 'date' }) },
      answers: { 200: RunDayDetailOut },
    },
  )
  routes.get('/app/:app_id/run/:runDate', get, async (request) => {
    const wanted = dayOf(pathValue(request, 'runDate') ?? null)
    return await reading(request, async (tx) => {
      const feed = await readFeed(tx, readerOf(request.account).feedId)
      const [shown] = feed && wanted ? await show(tx, parts, request, feed, [wanted]) : []
      if (!shown) throw notFound()
      const { run } = shown.day
      const isOwn = request.account.environment === 'sandbox' && run !== null
      const own = isOwn ? { errors: await listErrors(tx, run.id, { after: undefined, limit: ERRORS_SHOWN }) } : null
      return runDayDetailOut(shown, publicUrl, own)
    })
  })
}

function dayOf(text: string | null): LocalDate | undefined {
  return text === null ? undefined : parseLocalDate(text)
}

function feedTimeOf({ clock }: RunDayParts, feed: Feed): Date {
  return addMs(clock.now(), feed.clockAheadMs)
}

/** Consecutive days in any order, with what the account was told. */
async function show(
  tx: Queryable,
  parts: RunDayParts,
  { account }: FastifyRequest,
  feed: Feed,
  days: readonly LocalDate[],
): Promise<ShownDay[]> {
  const [from, until] = [days.toSorted()[0], days.toSorted().at(-1)]
  if (!from || !until) return []
  const runs = await readRunsOfDays(tx, feed.id, { from, until })
  const told = await readTold(
    tx,
    account.id,
    [...runs.ofDay.values()].map(({ id }) => id),
  )
  const shown: ShownDay[] = []
  for (const each of days) {
    const day = toRunDay(each, runs, parts.calendarOf(feed), feedTimeOf(parts, feed))
    const event = day.run ? (told.get(day.run.id) ?? null) : null
    shown.push({ day, told: event, standings: event ? await readStandings(tx, account.id, event.eventId) : [] })
  }
  return shown
}
