import { createReceiver } from '@producersync/webhooks'
import { examples, fakeClock, signedRequest } from '@producersync/webhooks/testing'
import { webhooks } from './webhooks.ts'

const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const clock = fakeClock()
const receive = createReceiver({ ...webhooks, secrets: secret, now: clock.now })

const request = () => signedRequest(examples['producersync.npn.activated'], secret, { now: clock.now() })
export const first = await receive(await request()) // 200 {"result":"handled"}
clock.advance(5)
export const retry = await receive(await request()) // 200 {"result":"repeated"}
const late = await request()
clock.advance(301)
export const replayed = await receive(late) // 401 {"code":"timestamp_out_of_range"}
