import type { FastifyInstance, FastifyRequest } from 'fastify'
import Type from 'typebox'
import type { Access } from '#src/accounts/access.ts'
import { answerHeadOfStream, lastEventIdOf } from '#src/adapters/http/event-stream.ts'
import { described } from '#src/adapters/http/operation.ts'
import { queryOf } from '#src/adapters/http/query.ts'
import { listOf, oneOf } from '#src/adapters/http/schema.ts'
import type { Database } from '#src/adapters/postgres/database.ts'
import { liveMessages } from './answer-schemas.ts'
import { TOPICS } from './change.ts'
import { liveStream } from './live-stream.ts'
import type { OpenStreams } from './open-streams.ts'
import { NOWHERE, type Position, parsePosition } from './position.ts'
import { isStillAllowed } from './still-allowed.ts'
import { readNow, watchAccount } from './store.ts'

const LiveQuery = Type.Object({ topics: listOf(oneOf(TOPICS), TOPICS.length, 1) })

/** Live views: portal 10. */
export function registerLiveRoutes(
  routes: FastifyInstance,
  { api, access, streams }: { api: Database; access: Access; streams: OpenStreams },
): void {
  const live = described(
    { config: { access: 'ViewBase' } },
    {
      id: 'v1.live.stream',
      summary: 'Hear of changes as they happen',
      description:
        'Server-sent events: ids, states and times of what has changed in the account, merged to at most four messages a second. ' +
        'A message has one change of each object, as it stands then. Come back with `Last-Event-ID`: what happened in between follows, ' +
        'or `resync` when that was more than five minutes ago, or too much. `bye` is the last message of a stream.',
      query: LiveQuery,
      answers: { 200: null },
      stream: liveMessages,
    },
  )
  routes.get('/app/:app_id/live', live, async (request, reply) => {
    const { topics } = queryOf(request, LiveQuery)
    const { account } = request
    if (request.method === 'HEAD') return answerHeadOfStream(reply)
    const stream = await streams.open(account.id, async (opened) => {
      await watchAccount(api, account)
      const position = await positionOf(request, api)
      return {
        step: liveStream({ api, account, stream: opened, topics: [...new Set(topics)], position }),
        isAllowed: () => isStillAllowed(access, request),
      }
    })
    return stream.answer(reply)
  })
}

/** Where the reader says that it stands: a new one begins now, and one that says nonsense has missed everything. */
async function positionOf(request: FastifyRequest, api: Database): Promise<Position> {
  const lastId = lastEventIdOf(request)
  return lastId === undefined ? { seen: await readNow(api), within: null } : (parsePosition(lastId) ?? NOWHERE)
}
