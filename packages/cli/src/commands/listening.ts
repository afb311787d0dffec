import type { Json } from '../api.ts'
import type { Session } from '../session.ts'
import { deviceOf } from './device.ts'

/** A session of this device; its secret is the same every time. */
export type Own = { id: string; secret: string }

/** @param wish  what it wants to get, as `POST A/cli-session` takes it */
export async function beginSession(session: Session, wish: Json): Promise<Own> {
  const { api } = session
  const body = { device: deviceOf(session), ...wish }
  const { id, secret } = await api.object('POST', api.underAccount('/cli-session'), { body })
  return { id: String(id), secret: String(secret) }
}

export async function endSession({ api }: Session, id: string): Promise<void> {
  await api.call('DELETE', api.underAccount(`/cli-session/${id}`))
}
