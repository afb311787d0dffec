import type { Session } from '@producersync/server/contract'
import { useParams } from '@tanstack/react-router'
import { useSyncExternalStore } from 'react'
import { text } from '#src/text.ts'
import { envText } from '#src/text-env.ts'
import { onSession, type SessionState, sessionState } from './session.ts'

type Grant = Session['grants'][number]
export type Capability = Grant['capabilities'][number]

/** The account that is shown, and what this person may do in it. The service decides; this says why a control is off. */
export type Account = {
  id: string
  name: string
  environment: Session['environment']
  role: Grant['role']
  can: (capability: Capability) => boolean
  /** null when it may be done. */
  whyNot: (capability: Capability) => string | null
}

export function useSessionState(): SessionState {
  return useSyncExternalStore(onSession, sessionState)
}

/** The session, also after it has ended: the page stays as it is. */
export function useSession(): Session | null {
  const state = useSessionState()
  return state.kind === 'open' || state.kind === 'ended' ? state.session : null
}

/** Of the address. Only below `/a/{account}`, which lets nobody in without a grant. */
export function useAccount(): Account {
  const { account: id } = useParams({ strict: false })
  const session = useSession()
  const account = session && id !== undefined ? accountOf(session, id) : undefined
  if (!account) throw new Error('This page is shown within an account only.')
  return account
}

/** @returns undefined when the session holds no such account */
export function accountOf(session: Session, id: string): Account | undefined {
  const grant = session.grants.find(({ account }) => account.id === id || account.uid === id)
  if (!grant) return session.staff ? seenByStaff(session, id) : undefined
  const { account, role, capabilities } = grant
  const can = (capability: Capability) => capabilities.includes(capability)
  return {
    id: account.id,
    name: account.name,
    environment: session.environment,
    role,
    can,
    whyNot: (capability) => (can(capability) ? null : text.needs(text.capabilities[capability] ?? capability)),
  }
}

/** Staff look into every account of their environment, and change nothing from here. */
function seenByStaff({ environment }: Session, id: string): Account {
  return {
    id,
    name: id,
    environment,
    role: null,
    can: (capability) => capability === 'ViewBase',
    whyNot: (capability) => (capability === 'ViewBase' ? null : envText.readOnly),
  }
}
