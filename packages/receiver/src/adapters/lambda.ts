import { decodeBase64 } from '../base64.ts'
import { bytesOf } from '../body.ts'
import type { HeadersLike } from '../headers.ts'
import { createAnswerer, type ReceiverOptions } from '../receiver.ts'
import { VerificationError } from '../verification-error.ts'

export type { ReceiverOptions }

/** Of the events of API Gateway (REST and HTTP API), a function URL and a load balancer, what is needed. */
export type LambdaEvent = {
  body?: string | null
  isBase64Encoded?: boolean
  headers?: Readonly<Record<string, string | undefined>> | null
  /** Instead of `headers`, or beside them: there `headers` has the last value only. */
  multiValueHeaders?: Readonly<Record<string, string[] | undefined>> | null
}

export type LambdaResult = {
  statusCode: number
  headers?: Record<string, string>
  multiValueHeaders?: Record<string, string[]>
  body: string
  isBase64Encoded: false
}

/** `export const handler = createReceiver({ … })`. */
export function createReceiver(options: ReceiverOptions): (event: LambdaEvent) => Promise<LambdaResult> {
  const receive = createAnswerer(options)
  return async (event) => {
    const headers: HeadersLike = event.multiValueHeaders ?? event.headers ?? {}
    const answer = await receive({ headers, read: (bytesMax) => bytesOf(bodyOf(event), bytesMax) })
    const result = { statusCode: answer.status, body: answer.body, isBase64Encoded: false } as const
    // A load balancer set to multi-value headers gives only those, and takes only those.
    if (event.headers || !event.multiValueHeaders) return { ...result, headers: answer.headers }
    const pairs = Object.entries(answer.headers)
    return { ...result, multiValueHeaders: Object.fromEntries(pairs.map(([name, value]) => [name, [value]])) }
  }
}

function bodyOf({ body, isBase64Encoded }: LambdaEvent): string | Uint8Array {
  if (!isBase64Encoded) return body ?? ''
  const bytes = decodeBase64(body ?? '')
  if (!bytes) throw new VerificationError('body_not_bytes', 'isBase64Encoded is set, and the body is not Base64.')
  return bytes
}
