/** Reads and writes the cookie that holds a portal session. */
export type PortalCookie = {
  /** The session's value in a `cookie` header; undefined when there is none, or more than one. */
  read: (header: string | undefined) => string | undefined
  /** @returns a `set-cookie` header */
  set: (value: string, endsAt: Date, now: Date) => string
  clear: () => string
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]'])

/**
 * The cookie of a service: `__Host-psapi`, which browsers take and send over TLS only and which no other host can set. Where
 * the service is a developer's own, without TLS, a plain one. Source: portal 1.
 * @param publicUrl  where the service is reached
 */
export function portalCookie(publicUrl: string): PortalCookie {
  const { protocol, hostname } = new URL(publicUrl)
  const isDevelopment = protocol === 'http:' && LOOPBACK.has(hostname)
  const name = isDevelopment ? 'psapi' : '__Host-psapi'
  const flags = `Path=/; HttpOnly; SameSite=Strict${isDevelopment ? '' : '; Secure'}`
  return {
    read(header = '') {
      const values = header.split(';').flatMap((pair) => {
        const [key = '', value = ''] = pair.trim().split('=', 2)
        return key === name ? [value] : []
      })
      return values.length === 1 ? values[0] : undefined
    },
    set(value, endsAt, now) {
      const seconds = Math.floor((endsAt.getTime() - now.getTime()) / 1000)
      return `${name}=${value}; Max-Age=${seconds}; ${flags}`
    },
    clear: () => `${name}=; Max-Age=0; ${flags}`,
  }
}
