import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { AnswerJudge } from './answer-judge.ts'

// producersync-api 5, and the examples of producersync-api 3, 6, 8 and 13, held against openapi.json. That answers are as it says is
// checked of every answer that any test gets (WatchedAnswers).

type Parameter = { in?: string; name?: string; $ref?: string }
type Operation = { parameters?: Parameter[]; responses: Record<string, unknown> }
const document = JSON.parse(readFileSync(new URL('../openapi.json', import.meta.url), 'utf8'))
const paths: Record<string, Record<string, Operation>> = document.paths

const [N, S] = ['npns', 'states']
const L = ['updatedSince', 'includeDeleted', 'size', 'continuationToken']
const LOA = ['loaCodes', 'loaCategories']
const SUBSCRIPTIONS = '/v1/accounts/subscriptions'
/** Number, method, path, parameters, success, other statuses. */
const OPERATIONS: [number, string, string, string[], number, number[]][] = [
  [1, 'get', SUBSCRIPTIONS, ['page', 'size', 'after', 'dataStatus'], 200, [400]],
  [2, 'post', SUBSCRIPTIONS, ['confirmEmpty'], 200, [400, 413, 415]],
  [3, 'put', SUBSCRIPTIONS, [], 200, [400, 413, 415]],
  [4, 'delete', SUBSCRIPTIONS, [], 202, [400, 413, 415]],
  [5, 'get', `${SUBSCRIPTIONS}/status/{jobId}`, [], 200, [400, 404]],
  [6, 'get', `${SUBSCRIPTIONS}/status/{jobId}/details`, ['page', 'size', 'outcome'], 200, [400, 404]],
  [7, 'get', '/v2/addresses', [N, S, ...L], 200, [400]],
  [8, 'get', '/v2/entities/{npn}/addresses', [S, ...L], 200, [202, 400, 404]],
  [9, 'get', '/v1/addresses/{id}', [], 200, [400, 404]],
  [10, 'get', '/v2/appointments', [N, S, ...L, 'coCodes', 'status', 'loaCategories'], 200, [400]],
  [11, 'get', '/v2/entities/{npn}/appointments', [S, ...L, 'coCodes', 'status', 'loaCategories'], 200, [202, 400, 404]],
  [12, 'get', '/v1/appointments/{id}', [], 200, [400, 404]],
  [13, 'get', '/v2/contactInfos', [N, S, ...L], 200, [400]],
  [14, 'get', '/v2/entities/{npn}/contactInfos', [S, ...L], 200, [202, 400, 404]],
  [15, 'get', '/v1/contactInfos/{id}', [], 200, [400, 404]],
  [16, 'get', '/v2/entities', [N, ...L], 200, [400]],
  [17, 'get', '/v2/entities/{npn}', [], 200, [202, 400, 404]],
  [18, 'get', '/v2/licenses', [N, S, ...L, 'active', ...LOA], 200, [400]],
  [19, 'get', '/v2/licenseLoas', [N, S, ...L, ...LOA], 200, [400]],
  [20, 'get', '/v2/licenses/{licenseId}/licenseLoas', L, 200, [400, 404]],
  [21, 'get', '/v2/entities/{npn}/licenses', [S, ...L, 'active', ...LOA], 200, [202, 400, 404]],
  [22, 'get', '/v1/licenses/{id}', [], 200, [400, 404]],
  [23, 'get', '/v1/licenseLoas/{id}', [], 200, [400, 404]],
  [24, 'get', '/v2/otherNames', [N, S, ...L], 200, [400]],
  [25, 'get', '/v2/entities/{npn}/otherNames', [S, ...L], 200, [202, 400, 404]],
  [26, 'get', '/v1/otherNames/{id}', [], 200, [400, 404]],
  [27, 'get', '/v2/regulatoryActions', [N, S, ...L], 200, [400]],
  [28, 'get', '/v2/regulatoryActions/{id}/regulatoryActionValues', L, 200, [400, 404]],
  [29, 'get', '/v2/entities/{npn}/regulatoryActions', [S, ...L], 200, [202, 400, 404]],
  [30, 'get', '/v1/regulatoryActions/{id}', [], 200, [400, 404]],
  [31, 'get', '/v1/regulatoryActionValues/{id}', [], 200, [400, 404]],
]
const OF_EVERY_OPERATION = [401, 403, 406, 429, 500, 503]

describe('rule 40: all 31 operations are described, with their parameters and answers', () => {
  test.each(OPERATIONS)('%i: %s %s', (_number, method, path, parameters, success, others) => {
    const operation = paths[path]?.[method]
    const names = (operation?.parameters ?? []).filter((each) => each.in === 'query').map(({ name }) => name)
    expect(names.toSorted()).toEqual(parameters.toSorted())
    const statuses = Object.keys(operation?.responses ?? {}).map(Number)
    expect(statuses).toEqual(expect.arrayContaining([success, ...others, ...OF_EVERY_OPERATION]))
    const successes = [success, ...others].filter((status) => status < 300)
    expect(statuses.filter((status) => status < 300)).toEqual(successes.toSorted())
  })
})

const URL_OF_SUBSCRIPTIONS = `https://sync.example${SUBSCRIPTIONS}`
const JOB = '0ded8367-01ac-4519-8cd7-ce965d55c0b0'
const JOB_URL = `${URL_OF_SUBSCRIPTIONS}/status/${JOB}`
const link = (href: string) => ({ href })
const page = (totalElements: number) => ({ size: 250, totalElements, totalPages: 1, number: 0 })
const subscription = (npn: string, activatedAt: string, source: string, dataStatus: string) => {
  const links = { entity: link(`https://sync.example/v2/entities/${npn}`) }
  return { npn, activatedAt, source, dataStatus, links }
}
const ACCEPTED = {
  success: true,
  message: 'Job is in progress',
  job_id: JOB,
  links: { self: link(URL_OF_SUBSCRIPTIONS), status: link(JOB_URL) },
}
const RUN = {
  id: '6b0c5a52-6f0e-4f83-9a1b-0d7d1f1a9c11',
  feedId: 'production',
  runDate: '2026-03-06',
  state: 'published',
  late: false,
  trigger: 'schedule',
  covers: ['2026-03-06'],
  startedAt: '2026-03-06T16:15:00.021Z',
  collectedAt: '2026-03-06T16:40:31.400Z',
  publishedAt: '2026-03-06T16:41:07.120Z',
  durationsMs: { alerts: 4210, details: 1527169, publish: 35720 },
  counts: {
    alertNpns: 29874,
    read: 30112,
    unknown: 3,
    deferred: 1,
    changedNpns: 28990,
    inserted: 8120,
    updated: 61044,
    deleted: 911,
    warnings: 57,
    accounts: 412,
  },
  errors: [{ step: 'details', npn: '40112004', attempts: 5, cause: 'http 500' }],
  // not in the example
  scenario: 'normal',
  fullRefresh: false,
  scheduledAt: '2026-03-06T16:15:00.000Z',
  endedAt: '2026-03-06T16:41:07.120Z',
  message: null,
}
const EXAMPLES: [string, string, string, number, object][] = [
  [
    '3: an error',
    'GET',
    '/v2/licenses',
    400,
    {
      timestamp: '2026-03-06T16:41:07.120Z',
      status: 400,
      error: 'Bad Request',
      message: "updatedSince: '2026-13-01' is not a date (YYYY-MM-DD)",
      path: '/v2/licenses',
    },
  ],
  [
    '4: an empty list',
    'GET',
    '/v2/licenses',
    200,
    {
      links: {
        self: link('https://sync.example/v2/licenses?continuationToken=0'),
        next: link('https://sync.example/v2/licenses?continuationToken=0'),
      },
    },
  ],
  ['6: PUT', 'PUT', SUBSCRIPTIONS, 200, ACCEPTED],
  ['6: POST', 'POST', SUBSCRIPTIONS, 200, ACCEPTED],
  ['6: DELETE', 'DELETE', SUBSCRIPTIONS, 202, ACCEPTED],
  [
    '6: a job',
    'GET',
    `${SUBSCRIPTIONS}/status/${JOB}`,
    200,
    {
      id: JOB,
      type: 'replace',
      state: 'partly_failed',
      createdAt: '2026-03-06',
      updatedAt: '2026-03-06',
      details: {
        requested: 4,
        distinct: 3,
        processed: 4,
        added: 1,
        alreadyActive: 1,
        removed: 1,
        notActive: 0,
        invalid: 1,
        message: null,
        acceptedAt: '2026-03-06T15:02:10.811Z',
        startedAt: '2026-03-06T15:02:10.903Z',
        finishedAt: '2026-03-06T15:02:11.020Z',
      },
      links: { self: link(JOB_URL), details: link(`${JOB_URL}/details`) },
    },
  ],
  [
    '6: what became of the NPNs',
    'GET',
    `${SUBSCRIPTIONS}/status/${JOB}/details`,
    200,
    {
      embedded: {
        details: [
          { npn: '912484758', outcome: 'added', reason: null },
          { npn: '15645555', outcome: 'already_active', reason: null },
          { npn: '00123', outcome: 'invalid', reason: 'malformed' },
          { npn: '999999999', outcome: 'removed', reason: null },
        ],
      },
      links: { self: link(`${JOB_URL}/details?page=0&size=250`) },
      page: page(4),
    },
  ],
  [
    '6: the population',
    'GET',
    SUBSCRIPTIONS,
    200,
    {
      embedded: {
        subscriptions: [
          subscription('15645555', '2026-02-02T09:00:00.000Z', 'preloaded', 'ready'),
          subscription('912484758', '2026-03-06T15:02:11.004Z', 'post', 'loading'),
        ],
      },
      links: { self: link(`${URL_OF_SUBSCRIPTIONS}?page=0&size=250`) },
      page: page(2),
    },
  ],
  [
    '6: being loaded',
    'GET',
    '/v2/entities/912484758',
    202,
    {
      success: true,
      message: 'Data for NPN 912484758 is being loaded',
      links: { self: link('https://sync.example/v2/entities/912484758') },
    },
  ],
  [
    '13: a sandbox run',
    'POST',
    '/v1/sandbox/runs',
    202,
    {
      success: true,
      message: 'Run is in progress',
      run_id: RUN.id,
      links: { self: link(`https://sync.example/v1/runs/${RUN.id}`) },
    },
  ],
  ['13: the clock', 'GET', '/v1/sandbox/clock', 200, { now: '2026-03-06T16:15:00.000Z' }],
  ['13: a run', 'GET', `/v1/admin/runs/${RUN.id}`, 200, RUN],
]

describe('rule 40: the examples of producersync-api are as they are described', () => {
  const judge = new AnswerJudge(document, { closed: true })
  test.each(EXAMPLES)('%s', (_name, method, url, status, body) => {
    expect(judge.operationOf(method, url)).toBeDefined()
    const contentType = method === 'GET' && status < 400 ? 'application/hal+json' : 'application/json'
    const faults = judge.faultsOf({ method, url, status, contentType, text: JSON.stringify(body) })
    expect(faults).toEqual([])
    const { [Object.keys(body)[0] ?? '']: _left, ...less } = body as Record<string, unknown>
    if (Object.keys(less).length > 0 && !('embedded' in body))
      expect(judge.faultsOf({ method, url, status, contentType, text: JSON.stringify(less) })).not.toEqual([])
  })
})
