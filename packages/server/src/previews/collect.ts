import { type DomainError, invalidInput } from '#src/domain-error.ts'
import { classify } from './classify.ts'
import type { PartRow, Wish } from './difference.ts'
import type { ReadList } from './read-list.ts'

/** A list, read to its end: each distinct NPN once, at its first place. */
export type Collected = { wishes: Wish[]; repeated: PartRow[]; invalid: PartRow[]; blank: number }

const TEXT_LENGTH_MAX = 100
/** Rows of a list beside its distinct NPNs: blank and repeated ones, and what is no NPN. */
const OTHER_ROWS_MAX = 100_000

/**
 * @param npnsMax  how many NPNs the account may monitor
 * @throws DomainError invalid_input at `body`: more NPNs, or many more rows; and what reading throws
 */
export async function collect({ values }: ReadList, joins: boolean, npnsMax: number): Promise<Collected> {
  const seen = new Set<number>()
  const collected: Collected = { wishes: [], repeated: [], invalid: [], blank: 0 }
  for await (const { line, text } of values) {
    const found = classify(text)
    if (text === '') {
      collected.blank += 1
    } else if ('reason' in found) {
      collected.invalid.push({ npn: null, line, text: shortened(text), reason: found.reason })
    } else if (seen.has(found.npn)) {
      collected.repeated.push({ npn: found.npn, line, text: null, reason: 'repeated' })
    } else {
      seen.add(found.npn)
      collected.wishes.push({ npn: found.npn, line, joins })
    }
    if (seen.size > npnsMax) throw tooMany(`holds more than the ${npnsMax} NPNs that this account may monitor`)
    if (collected.repeated.length + collected.invalid.length + collected.blank > OTHER_ROWS_MAX) {
      throw tooMany(`has more than ${OTHER_ROWS_MAX} rows that are blank, repeated or no NPN`)
    }
  }
  return collected
}

/** Cut, and without what a row of the database cannot hold. */
function shortened(text: string): string {
  return text.slice(0, TEXT_LENGTH_MAX).toWellFormed().replaceAll('\0', '\ufffd')
}

function tooMany(msg: string): DomainError {
  return invalidInput({ loc: ['body'], msg, type: 'value_error.too_many' })
}
