/** The envelope: one form for every event. `timestamp` is ISO 8601, in UTC; `id` is the same on every attempt and replay. */
export type EventOf<Type extends string, Data> = Type extends string
  ? { id: string; type: Type; timestamp: string; data: Data }
  : never

/** The events ProducerSync sends. `npn`: National Producer Number; `runDate`: `YYYY-MM-DD`, the day to pull updates since. */
export type KnownEvent =
  | EventOf<'producersync.updates_available', { runDate: string }>
  | EventOf<'producersync.npn.activated' | 'producersync.npn.deactivated', { npn: string }>
  | EventOf<'producersync.npn.data_ready', { npn: string; noLicenses: boolean }>

/** A type this version does not know: one added later, one of your own, or a test such as `webhook.ping`. */
export type UnknownEvent = { id: string; type: string; timestamp: string; data: Record<string, unknown> }

/** Narrow it with `isKnown` first: beside a `type` that is any string, `event.type === '…'` tells TypeScript nothing. */
export type WebhookEvent = KnownEvent | UnknownEvent

/** The fields of each known event's data, by the name of their type. */
export const knownData: {
  readonly [Type in KnownEvent['type']]: DataFields<Extract<KnownEvent, { type: Type }>['data']>
} = {
  'producersync.updates_available': { runDate: 'string' },
  'producersync.npn.activated': { npn: 'string' },
  'producersync.npn.deactivated': { npn: 'string' },
  'producersync.npn.data_ready': { npn: 'string', noLicenses: 'boolean' },
}

type DataFields<Data> = { readonly [Field in keyof Data]: Data[Field] extends string ? 'string' : 'boolean' }
