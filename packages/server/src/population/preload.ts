import type { Queryable } from '#src/adapters/postgres/database.ts'
import { parseNpn } from './npn.ts'
import { insertPreloaded } from './store.ts'

/** The NPNs that a new sandbox account starts with. Source: producersync-api 1. */
const preloadedNpns = ['15645555', '19855109'].flatMap((text) => parseNpn(text) ?? [])

/** Gives a new sandbox account its first population, loaded and without events, in the transaction that creates it. */
export async function preload(tx: Queryable, account: { id: string; createdAt: Date }): Promise<void> {
  await insertPreloaded(tx, account.id, preloadedNpns, account.createdAt)
}
