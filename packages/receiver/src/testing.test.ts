import { expect, test } from 'vitest'
import { check, isKnown, parseEvent } from './index.ts'
import { examples, fakeClock, signedRequest } from './testing.ts'

const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

test.each(Object.values(examples))('the example of $type is an event that is known', (example) => {
  expect(isKnown(parseEvent(example))).toBe(true)
})

test('a signed request verifies, in both families, under the message id of its event', async () => {
  const event = examples['producersync.npn.activated']
  const request = await signedRequest(event, secret, { url: 'http://localhost:3000/hooks' })
  expect(request.url).toBe('http://localhost:3000/hooks')
  expect(request.headers.get('webhook-id')).toBe('msg_3AZoD9ju2bxg58Q4PC2Ut9ld7gH')
  for (const name of ['id', 'timestamp', 'signature']) {
    expect(request.headers.get(`svix-${name}`)).toBe(request.headers.get(`webhook-${name}`))
  }
  expect(await check(request, request.headers, { secrets: secret })).toEqual({ ok: true, event })
})

test('the clock stands until it is moved', async () => {
  const clock = fakeClock('2026-03-06T15:02:12Z')
  expect(clock.now()).toEqual(clock.now())
  clock.advance(300)
  expect(clock.now()).toEqual(new Date('2026-03-06T15:07:12Z'))
})
