import { type Fault, invalidInput } from '#src/domain-error.ts'

/** A fault of a member of the body, or further in. */
export function fault(place: string | string[], msg: string): Fault {
  return { loc: ['body', ...[place].flat()], msg, type: 'value_error' }
}

/** @throws DomainError invalid_input when there is a fault, with the first 20 */
export function refuseFaulty(faults: readonly Fault[]): void {
  if (faults.length > 0) throw invalidInput(...faults)
}
