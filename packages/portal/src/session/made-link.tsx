import type { LoginLink } from '@producersync/server/contract'
import { ShownOnce } from '#src/parts/shown-once.tsx'
import { accountText } from '#src/text-account.ts'
import { Time } from '#src/time/time.tsx'

const words = accountText.members

/** A login link that has just been made, to be handed on. */
export function MadeLink({
  of: { person, url, expiresAt, mailFailure },
  onDone,
}: {
  of: LoginLink
  onDone: () => void
}) {
  const until = (
    <>
      {words.linkNote} <Time at={expiresAt} form="short" />
      {mailFailure === null && words.mailed(person)}
      {typeof mailFailure === 'string' && words.notMailed(mailFailure)}
    </>
  )
  return <ShownOnce title={words.linkFor(person)} value={url} name={words.link} note={until} onDone={onDone} />
}
