import { check, isKnown } from '@producersync/webhooks'
import { queue } from './queue.ts'

export async function POST(request: Request): Promise<Response> {
  const secrets = (process.env.PSAPI_WEBHOOK_SECRETS ?? '').split(' ')
  const verdict = await check(request, request.headers, { secrets })
  if (!verdict.ok) return Response.json({ code: verdict.code }, { status: 401 }) // verdict.message says why: log it
  const { event } = verdict
  if (isKnown(event) && event.type === 'producersync.npn.activated') await queue.add('onboard', { npn: event.data.npn })
  return new Response(null, { status: 204 })
}
