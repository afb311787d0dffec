/** What the page around this one is told. Source: portal 11. */
type ToHost =
  | { type: 'psapi:ready' }
  /** Of all that is shown, in CSS pixels. */
  | { type: 'psapi:resize'; height: number }
  /** Below `/portal`, with its query. */
  | { type: 'psapi:navigate'; path: string }
  /** A link's key has to come by `psapi:session`. */
  | { type: 'psapi:session-needed' }

/** What the page around this one may say. */
export type FromHost =
  | { type: 'psapi:session'; key: string }
  | { type: 'psapi:theme'; scheme: 'light' | 'dark' | 'system' }

const KEY_LENGTH_MAX = 512

export const isEmbedded = globalThis.window !== undefined && window.parent !== window

/** The origins whose frames the service's policy allows; the page around this one is of one of them, or there would be no page. */
export function hostsOf(content: string | null): readonly string[] {
  return (content ?? '').split(' ').filter((part) => URL.canParse(part) && new URL(part).origin === part)
}

const hosts = isEmbedded
  ? hostsOf(document.querySelector('meta[name="psapi-hosts"]')?.getAttribute('content') ?? null)
  : []

/** To nobody but the origin around this page; where the browser does not name it, to each that it can be. */
export function tellHost(message: ToHost): void {
  if (!isEmbedded) return
  const named = location.ancestorOrigins?.[0]
  for (const origin of named === undefined ? hosts : hosts.filter((host) => host === named)) {
    window.parent.postMessage(message, origin)
  }
}

/** Hears what the page around this one says, and nobody else: neither another origin nor another window of the same one. */
export function hearHost(listener: (message: FromHost) => void, signal: AbortSignal): void {
  window.addEventListener(
    'message',
    ({ data, origin, source }) => {
      if (source !== window.parent || !hosts.includes(origin)) return
      const message = parseFromHost(data)
      if (message) listener(message)
    },
    { signal },
  )
}

/** @returns undefined for what is none of the messages */
export function parseFromHost(data: unknown): FromHost | undefined {
  if (typeof data !== 'object' || data === null || !('type' in data)) return undefined
  if (data.type === 'psapi:session' && 'key' in data && typeof data.key === 'string') {
    return data.key === '' || data.key.length > KEY_LENGTH_MAX ? undefined : { type: data.type, key: data.key }
  }
  if (data.type === 'psapi:theme' && 'scheme' in data) {
    const { scheme } = data
    if (scheme === 'light' || scheme === 'dark' || scheme === 'system') return { type: data.type, scheme }
  }
  return undefined
}
