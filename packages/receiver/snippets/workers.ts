import { createReceiver, type ReceiverOptions } from '@producersync/webhooks/fetch'
import { webhooks } from './webhooks.ts'

let receive: ((request: Request) => Promise<Response>) | undefined

export default {
  fetch(request: Request, env: { PSAPI_WEBHOOK_SECRETS: string }): Promise<Response> {
    const options: ReceiverOptions = { ...webhooks, secrets: env.PSAPI_WEBHOOK_SECRETS.split(' ') }
    receive ??= createReceiver(options) // once, as it remembers what it has handled
    return receive(request)
  },
}
