import { Notice } from '#src/parts/notice.tsx'
import { text } from '#src/text.ts'

/** Says which parameters of the address were left out. */
export function Ignored({ names }: { names: readonly string[] }) {
  return names.length === 0 ? null : <Notice tone="warn" title={text.common.ignored(names.join(', '))} />
}
