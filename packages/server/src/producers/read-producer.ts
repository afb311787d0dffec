import { DomainError } from '#src/domain-error.ts'
import type { Npn } from '#src/population/npn.ts'
import type { DataStatus } from '#src/population/store.ts'

/** How an NPN stands with the account that reads it. */
export type Standing = DataStatus | 'not_monitored'

export type NextStep = 'serve' | 'subscribe' | 'wait' | 'answer_loading' | 'refuse_unknown' | 'refuse_unmonitored'

/**
 * What a read of one producer does next. Source: producersync-api 6.
 * @param left  what this read may still do: join the NPN to the population, wait for its first load
 */
export function nextStep(standing: Standing, left: { subscribe: boolean; wait: boolean }): NextStep {
  switch (standing) {
    case 'ready':
      return 'serve'
    case 'loading':
      return left.wait ? 'wait' : 'answer_loading'
    case 'not_found':
      return 'refuse_unknown'
    case 'not_monitored':
      return left.subscribe ? 'subscribe' : 'refuse_unmonitored'
  }
}

/** What a read of one producer does besides reading; each is asked at most once. */
export type ProducerSteps<T> = {
  /** One consistent view: the standing, and what is to be served when it is `ready`. */
  read: () => Promise<{ standing: Standing; found: T | null }>
  subscribe: () => Promise<void>
  waitForData: () => Promise<void>
}

/**
 * Reads one producer, which may join the population and whose first load may be waited for.
 * @returns null when its data is still being loaded
 * @throws DomainError not_found, with the reason as its message
 */
export async function readProducer<T>(
  npn: Npn,
  mayNow: { subscribe: boolean },
  { read, subscribe, waitForData }: ProducerSteps<T>,
): Promise<T | null> {
  const left = { subscribe: mayNow.subscribe, wait: true }
  for (;;) {
    const { standing, found } = await read()
    switch (nextStep(standing, left)) {
      case 'serve':
        return found
      case 'subscribe':
        left.subscribe = false
        await subscribe()
        break
      case 'wait':
        left.wait = false
        await waitForData()
        break
      case 'answer_loading':
        return null
      case 'refuse_unknown':
        throw new DomainError('not_found', `NPN ${npn} is not known to NIPR`)
      case 'refuse_unmonitored':
        throw new DomainError('not_found', `NPN ${npn} is not in your population`)
    }
  }
}
