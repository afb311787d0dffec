import type { AttemptDetail } from '@producersync/server/contract'
import { Payload } from '#src/event/payload.tsx'
import { JsonView } from '#src/json/json-view.tsx'
import layout from '#src/look/layout.module.css'
import { text } from '#src/text.ts'
import { deliveryText } from '#src/text-deliveries.ts'
import { Time } from '#src/time/time.tsx'
import styles from './attempt.module.css'

const words = deliveryText.attempt
/** The service keeps no more of an answer. */
const CUT_BYTES = 16_384

export function Request({ of: { request, msgId }, account }: { of: AttemptDetail; account: string }) {
  const { method, url, headers, sensitive, bodyBytes } = request
  return (
    <div className={layout.stack}>
      <div>
        <h3>{words.method}</h3>
        <code className={layout.mono}>
          {method} {url}
        </code>
      </div>
      <Headers of={headers} sensitive={sensitive} />
      <div>
        <h3>{words.body}</h3>
        <Payload account={account} msgId={msgId} isGone={bodyBytes === null} />
      </div>
    </div>
  )
}

/** What came back, as text whatever it is. */
export function Response({ of: { responseHead, responseBody } }: { of: AttemptDetail }) {
  if (responseHead === null) return <p className={layout.muted}>{words.noResponse}</p>
  const { statusCode, headers, sensitive } = responseHead
  return (
    <div className={layout.stack}>
      <p>
        {words.status} <code>{statusCode}</code>
      </p>
      <Headers of={headers ?? []} sensitive={sensitive} />
      <div>
        <h3>{words.body}</h3>
        <ResponseBody of={responseBody} />
      </div>
    </div>
  )
}

function ResponseBody({ of: body }: { of: AttemptDetail['responseBody'] }) {
  if (body === null || body.bytes === 0) return <p className={layout.muted}>{words.noBody}</p>
  const notes = [
    body.bytes >= CUT_BYTES && words.cut('16 KiB'),
    body.encoding === 'base64' && text.json.notText,
  ].filter((part) => part !== false)
  const note = notes.length === 0 ? undefined : notes.join('. ')
  return <JsonView text={body.encoding === 'base64' ? toHex(body.text) : body.text} note={note} />
}

/** Bytes that are no text, sixteen a line. */
function toHex(base64: string): string {
  const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))
  const lines: string[] = []
  for (let at = 0; at < bytes.length; at += 16) {
    const line = [...bytes.subarray(at, at + 16)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
    lines.push(`${at.toString(16).padStart(6, '0')}  ${line}`)
  }
  return lines.join('\n')
}

export function Connection({ of: { connection } }: { of: AttemptDetail }) {
  const { address, tlsVersion, certificateExpiresAt } = connection
  return (
    <dl className={layout.facts}>
      <dt>{words.address}</dt>
      <dd>{address === null ? words.unknown : <code>{address}</code>}</dd>
      <dt>{words.tls}</dt>
      <dd>{tlsVersion ?? words.unknown}</dd>
      <dt>{words.certificate}</dt>
      <dd>{certificateExpiresAt === null ? words.unknown : <Time at={certificateExpiresAt} />}</dd>
    </dl>
  )
}

/** Headers as they went over the wire; values that are secrets stay hidden. */
function Headers({ of: headers, sensitive }: { of: readonly (readonly string[])[]; sensitive: readonly string[] }) {
  const hidden = new Set(sensitive.map((name) => name.toLowerCase()))
  return (
    <div>
      <h3>{words.headers}</h3>
      <dl className={styles.headers}>
        {headers.map(([name = '', value = ''], index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a header may come twice, and their order never changes
          <div key={index}>
            <dt>{name}</dt>
            <dd>{hidden.has(name.toLowerCase()) ? <em>{words.masked}</em> : value}</dd>
          </div>
        ))}
      </dl>
    </div>
  )
}
