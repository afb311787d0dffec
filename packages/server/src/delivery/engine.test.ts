import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Receiver, startReceiver } from '../../test/receiver.ts'
import { type TestAccount, TestService } from '../../test/service.ts'

let service: TestService
let receiver: Receiver
let account: TestAccount

beforeEach(async () => {
  receiver = await startReceiver()
  service = await TestService.start({ receivers: [receiver] })
  account = await service.account()
})
afterEach(async () => {
  await service.close()
  await receiver.close()
})

test('a 503 is retried on schedule, under the same message id and with the same bytes', async () => {
  await service.endpoint(account, receiver)
  receiver.answer(503, 503, 200)
  const message = await service.message(account)
  await service.settled()
  await service.advance({ minutes: 6 })
  const requests = receiver.verified.filter((request) => request.messageId === message.id)
  expect(requests.map((request) => request.body.toString())).toEqual(['{"n":1}', '{"n":1}', '{"n":1}'])
})
