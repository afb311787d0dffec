/** How the receiver treats a webhook that verifies: 200 at once, 503 at once, or no answer at all. */
export type Mood = 'well' | 'refusing' | 'hanging'

/** One whole request as the receiver got it. Times are milliseconds on the receiver's own monotonic clock. */
export type ReceivedRequest = {
  messageId: string
  /** `webhook-timestamp`: Unix seconds of the attempt; two attempts of a message never have the same. */
  timestamp: number
  /** How many times the service had been killed when the connection was made. */
  generation: number
  /** Why the signature is wrong; null: it is right. */
  unverified: string | null
  /** What the body says; null: it is no event about an NPN. */
  event: { id: string; type: string; npn: string } | null
  /** The status it was answered with; null: left without an answer. */
  answer: number | null
  answeredAtMs: number | null
}

/** All that a receiver got, in the order of arrival. */
export type Ledger = {
  requests: ReceivedRequest[]
  /** When it heard of each kill. */
  killedAtMs: number[]
}

/** What the demo tells its receiver. */
export type Order =
  /** Verify with this secret. */
  | { kind: 'trust'; secret: string }
  | { kind: 'be'; mood: Mood }
  /** Say `reached` once so many distinct deliveries have been answered with 200. */
  | { kind: 'watch'; deliveries: number }
  /** The service has been killed: what comes on a new connection is another generation's. */
  | { kind: 'killed' }
  | { kind: 'show_ledger' }

/** What the receiver tells the demo. */
export type News =
  | { kind: 'listening'; port: number }
  | { kind: 'ping_taken' }
  | { kind: 'unverified'; why: string }
  | { kind: 'progress'; requests: number; delivered: number }
  | { kind: 'reached'; deliveries: number }
  | { kind: 'kill_noted' }
  /** The first verified delivery answered with 200 on a connection made since the last kill. */
  | { kind: 'delivering_again' }
  | { kind: 'ledger'; ledger: Ledger }

/** Events about an NPN: what the demo counts. Anything else, such as the ping, is let through uncounted. */
export const NPN_EVENT = 'producersync.npn.'
