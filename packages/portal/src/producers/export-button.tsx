import { Download } from 'lucide-react'
import { useState } from 'react'
import { call, ofAccount, type Query, withQuery } from '#src/api/client.ts'
import { Button } from '#src/parts/button.tsx'
import { ErrorNotice } from '#src/parts/notice.tsx'
import { saveFile } from '#src/parts/save-file.ts'
import { producerText } from '#src/text-producers.ts'

const words = producerText.producers

/** Saves the producers that the filter finds, all of them. */
export function ExportButton({ account, query }: { account: string; query: Query }) {
  const [isBusy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  async function save() {
    setBusy(true)
    setError(null)
    try {
      const response = await call(account, withQuery(ofAccount(account, 'population', 'export'), query))
      saveFile('producers.csv', 'text/csv', await response.blob())
    } catch (caught) {
      setError(caught)
    } finally {
      setBusy(false)
    }
  }
  return (
    <>
      <Button icon={Download} onPress={() => void save()} pending={isBusy && words.exporting}>
        {words.export}
      </Button>
      {error != null && <ErrorNotice error={error} />}
    </>
  )
}
