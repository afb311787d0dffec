import { bytesOf } from '../body.ts'
import type { HeadersLike } from '../headers.ts'
import { createAnswerer, type ReceiverOptions } from '../receiver.ts'

export type { ReceiverOptions }

/** Of Nest's request, on Express or on Fastify, what is needed; `rawBody` is there with `rawBody: true`. */
export type NestRequest = { headers: HeadersLike; rawBody?: Uint8Array; body?: unknown }
/** Of Nest's response, what both platforms have. */
export type NestResponse = {
  status(code: number): unknown
  header(name: string, value: string): unknown
  send(body: string): unknown
}

/**
 * In a controller: `@Post() take(@Req() request, @Res() response) { return receive(request, response) }`.
 * The application is made with `NestFactory.create(AppModule, { rawBody: true })`.
 */
export function createReceiver(
  options: ReceiverOptions,
): (request: NestRequest, response: NestResponse) => Promise<void> {
  const receive = createAnswerer(options)
  return async (request, response) => {
    const read = (bytesMax: number) => bytesOf(request.rawBody ?? (request.body as Uint8Array), bytesMax)
    const { status, headers, body } = await receive({ headers: request.headers, read })
    response.status(status)
    for (const [name, value] of Object.entries(headers)) response.header(name, value)
    response.send(body)
  }
}
