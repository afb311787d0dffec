import Type from 'typebox'
import { ACTOR_KINDS } from '#src/accounts/principal.ts'
import { pageOf } from '#src/adapters/http/pages.ts'
import { idText, momentText, nullable, oneOf } from '#src/adapters/http/schema.ts'

const ChangeOut = Type.Object(
  {
    field: Type.String({ description: 'By the name that the API gives it.' }),
    before: Type.Unknown({ description: 'Null when it was not set, and when values are withheld.' }),
    after: Type.Unknown({ description: 'The same, for what it is now.' }),
    withheld: Type.Boolean({ description: 'It was changed; its values are secret, personal, or too long to keep.' }),
  },
  { title: 'AuditChange' },
)

/** One write: who did what to what, when and from where. */
const AuditLineOut = Type.Object(
  {
    id: idText('audit_'),
    at: momentText(),
    accountId: nullable(idText('app_')),
    who: Type.Object(
      {
        kind: oneOf(ACTOR_KINDS),
        id: nullable(
          Type.String({ description: 'Of the key, client, token or session that was used; never a secret.' }),
        ),
        name: nullable(Type.String({ description: 'Of the person, or what a key was called.' })),
        role: nullable(Type.String({ description: 'Of a person or of staff, at that moment.' })),
      },
      { title: 'AuditActor' },
    ),
    operation: Type.String({ description: 'The operationId of openapi.json, `v1.endpoint.patch`; or `admin.…`.' }),
    summary: Type.String({ description: 'What that operation does, in words.' }),
    target: nullable(
      Type.Object(
        { kind: Type.String({ description: '`endpoint`, `msg`, `member` …' }), id: Type.String() },
        { title: 'AuditTarget' },
      ),
    ),
    changes: Type.Array(ChangeOut),
    reason: nullable(Type.String({ description: 'Why, as staff gave it.' })),
    address: nullable(Type.String({ description: 'Where the request came from; null: the command line.' })),
    requestId: nullable(Type.String({ description: '`x-request-id` of the answer.' })),
  },
  { title: 'AuditLineOut' },
)
export const AuditPage = pageOf('AuditLineOut', AuditLineOut)
