import Type from 'typebox'
import { pageOf } from '#src/adapters/http/pages.ts'
import { anyObject, idText, mapOf, momentText, nullable } from '#src/adapters/http/schema.ts'

export const EventTypeOut = Type.Object(
  {
    name: Type.String(),
    description: Type.String(),
    groupName: nullable(Type.String()),
    archived: Type.Boolean(),
    deprecated: Type.Boolean(),
    featureFlags: nullable(Type.Array(Type.String())),
    featureFlag: nullable(Type.String()),
    schemas: nullable(mapOf(anyObject('A JSON Schema.'))),
    createdAt: momentText(),
    updatedAt: momentText(),
  },
  { title: 'EventTypeOut' },
)
export const EventTypePage = pageOf('EventTypeOut', EventTypeOut)

/** Of a message, wherever it is shown. */
export const messageFields = {
  id: idText('msg_'),
  eventType: Type.String(),
  eventId: nullable(Type.String()),
  channels: nullable(Type.Array(Type.String())),
  tags: nullable(Type.Array(Type.String())),
  timestamp: momentText(),
  deliverAt: nullable(momentText()),
  payload: anyObject(
    'As it was accepted; `{"expired": true}` when it is gone, `{"rawPayload": …}` when it is no object.',
  ),
}
export const MessageOut = Type.Object(messageFields, { title: 'MessageOut' })
export const MessagePage = pageOf('MessageOut', MessageOut)

export const PrecheckOut = Type.Object({ active: Type.Boolean() }, { title: 'MessagePrecheckOut' })

export const MessageBatchOut = Type.Object(
  {
    results: Type.Array(
      Type.Union([
        Type.Object({ status: Type.Literal(202), message: MessageOut }, { title: 'AcceptedItem' }),
        Type.Object(
          { status: Type.Integer({ minimum: 400 }), error: anyObject('As a message of its own would be refused.') },
          { title: 'RefusedItem' },
        ),
      ]),
    ),
  },
  { title: 'MessageBatchOut', description: 'One result per message, in order.' },
)
