import type { ReceiverOptions } from '@producersync/webhooks'
import { queue } from './queue.ts'

export const webhooks: ReceiverOptions = {
  secrets: () => (process.env.PSAPI_WEBHOOK_SECRETS ?? '').split(' '),
  on: {
    'producersync.updates_available': (event) => queue.add('pull', { updatedSince: event.data.runDate }),
    'producersync.npn.activated': (event) => queue.add('onboard', { npn: event.data.npn }),
  },
  onError: (trouble) => {
    console.error(trouble.kind === 'slow' ? `slow: ${trouble.event.type}` : trouble.error)
  },
}
