import { describe, expect, test } from 'vitest'
import { FAILURE_CLASSES } from '#src/delivery/failure-classes.ts'
import { attemptOut } from './answers.ts'
import { type Attempt, type Facts, parseFailureClass, standingOf } from './attempt.ts'

const AT = new Date('2026-03-06T15:00:00.000Z')

test('how an event stands with an endpoint', () => {
  const nothing: Facts = { latest: null, attempted: false, nextAt: null, canceling: false }
  const table: [Partial<Facts>, ReturnType<typeof standingOf>][] = [
    [{}, null],
    [{ nextAt: AT }, 'waiting'],
    [{ nextAt: AT, latest: 'canceled' }, 'waiting'],
    [{ nextAt: AT, latest: 'failed', attempted: true }, 'retrying'],
    // a resend that is under way says nothing about what came before
    [{ nextAt: AT, latest: 'delivered', attempted: true }, 'retrying'],
    [{ latest: 'delivered', attempted: true }, 'delivered'],
    [{ latest: 'failed', attempted: true }, 'failed'],
    [{ latest: 'canceled', attempted: true }, 'canceled'],
    // a mark is obeyed before the rows have followed it
    [{ canceling: true }, 'canceled'],
    [{ canceling: true, latest: 'failed', attempted: true }, 'canceled'],
    [{ canceling: true, nextAt: AT, latest: 'failed', attempted: true }, 'retrying'],
  ]
  for (const [facts, standing] of table) {
    expect(standingOf({ ...nothing, ...facts }), JSON.stringify(facts)).toBe(standing)
  }
})

describe('an attempt as it is answered', () => {
  const failed: Attempt = {
    id: 'atmpt_3AZnwh2jasHMqZimqoLLRI70UDu',
    eventId: 'msg_3AZnwh2jasHMqZimGinML3d669G',
    endpointId: 'ep_3AZnwh2jasHMqZilhrCcxJhxbh5',
    cause: 'event',
    number: 1,
    url: 'https://hooks.northwind.com/in?key=1',
    outcome: 'timed_out',
    ending: 'failed',
    failureClass: 'timeout',
    statusCode: 0,
    limitMs: null,
    durationMs: 5_003,
    response: null,
    startedAt: AT,
    nextAt: null,
    event: null,
  }
  const view = { expanded: false, withContent: true }

  test('failures are explained for this endpoint: its host, its limit', () => {
    expect(attemptOut(failed, '/docs', view).failure).toMatchObject({
      class: 'timeout',
      title: 'No answer within 5 s',
      docsUrl: '/docs#timeout',
    })
    const unknownHost: Attempt = { ...failed, outcome: 'dns', failureClass: 'dns_not_found' }
    expect(attemptOut(unknownHost, '/docs', view).failure?.advice).toContain('nslookup hooks.northwind.com')
  })

  test('no class leaves a placeholder behind', () => {
    for (const name of Object.keys(FAILURE_CLASSES)) {
      const { failure } = attemptOut({ ...failed, failureClass: parseFailureClass(name) }, '/docs', view)
      expect(JSON.stringify(failure)).not.toMatch(/HOST|LIMIT/)
    }
  })

  test('without a response the code is 0 and a phrase stands for the body, never an address', () => {
    const outcomes = [
      'timed_out',
      'dns',
      'refused',
      'reset',
      'tls',
      'blocked',
      'invalid_response',
      'interrupted',
      'canceled',
    ]
    for (const outcome of outcomes) {
      const { response, responseStatusCode } = attemptOut({ ...failed, outcome }, '/docs', view)
      expect(response).toMatch(/^[A-Za-z ]+$/)
      expect(responseStatusCode).toBe(0)
    }
  })

  test('an attempt on request is manual, one on schedule is not', () => {
    const triggers = (['event', 'replay', 'test', 'resend', 'recover'] as const).map(
      (cause) => attemptOut({ ...failed, cause }, '/docs', view).triggerType,
    )
    expect(triggers).toEqual([0, 0, 1, 1, 1])
  })

  test('the timestamp is never before the time in the id', () => {
    const early = { ...failed, startedAt: new Date(0) }
    expect(attemptOut(early, '/docs', view).timestamp).toEqual(AT)
  })
})
