import { Page } from '#src/parts/page.tsx'
import { text } from '#src/text.ts'

export function EndpointsScreen() {
  return <Page title={text.shell.endpoints}>{null}</Page>
}
