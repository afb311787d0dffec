/** Reads what the API answers, as far as the rig looks into it. */

/** The body of a 2xx. @throws when it is not JSON */
export function parseBody(text: string): unknown {
  return JSON.parse(text)
}

export function textField(body: unknown, name: string): string | undefined {
  const value = fieldOf(body, name)
  return typeof value === 'string' ? value : undefined
}

/** What became of one event: the message that stands for it, or why there is none. */
export type ItemAnswer = { messageId: string } | { status: number; code: string | undefined }

/**
 * Reads the answer to a publish of some events.
 * @returns an answer for each event, in order; undefined when it is not readable
 */
export function readItems(status: number, text: string, isBatch: boolean): ItemAnswer[] | undefined {
  try {
    const body = parseBody(text)
    if (!isBatch) return [itemOf(status, body, body)]
    const results = fieldOf(body, 'results')
    if (!Array.isArray(results)) return undefined
    return results.map((result: unknown) => {
      const itemStatus = fieldOf(result, 'status')
      return itemOf(Number(itemStatus), fieldOf(result, 'message'), fieldOf(result, 'error'))
    })
  } catch {
    return undefined
  }
}

function itemOf(status: number, message: unknown, error: unknown): ItemAnswer {
  // a 409 that names a message acknowledges as a 202 does: it is only given for what is committed
  const messageId = status === 202 ? textField(message, 'id') : textField(error, 'msgId')
  return messageId === undefined ? { status, code: textField(error, 'code') } : { messageId }
}

function fieldOf(body: unknown, name: string): unknown {
  return typeof body === 'object' && body !== null ? (body as Record<string, unknown>)[name] : undefined
}
